"""operator/vipkeeper/render/nginx_own.py (with real requests: tests/netns/test_nginx_serving.py)"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.golden import assert_golden
from tests.unit.render.nginx_tester import nginx_says
from tests.unit.spec.objects import document
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, OwnConfiguration, Response
from vipkeeper.render.nginx import NginxConfiguration, NginxPaths, render_nginx
from vipkeeper.render.nginx_origin import Origin, origin_of

OWN = """\
# as on a host of its own
user  nginx;
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
events { worker_connections 1024; }

http {
    include       mime.types;
    default_type  application/octet-stream;
    log_format    main '$remote_addr "$request"';
    access_log    /dev/stdout main;
    sendfile      on;
    proxy_read_timeout 30s;
    add_header    X-Common yes;

    map $uri $backend { default one; ~^/two two; }
    upstream one { server 127.0.0.1:8001; }
    upstream two { server 127.0.0.1:8002; }

    server {
        listen 80 default_server;
        listen [::]:80 default_server ipv6only=on;
        server_name _;
        proxy_read_timeout 5s;
        location / { proxy_pass http://$backend; }
    }
    server {
        server_name b.example.com;
        add_header X-Own yes;
        return 200 "b\\n";
    }
    include /etc/nginx/conf.d/*.conf;
}
stream {
    server { listen 0.0.0.0:5432; listen 192.0.2.10:5433; proxy_pass 127.0.0.1:9001; }
    server { listen 53 udp reuseport; proxy_pass 127.0.0.1:5353; }
}
"""


def rendered(text: str, paths: NginxPaths | None = None) -> NginxConfiguration:
    own = document("w1", nginx=NginxSection(own_configuration=OwnConfiguration("site", "nginx.conf", text)))
    plain = replace(
        own, name="other", addresses=own.addresses[:0], nginx=NginxSection((HTTPServer(81, response=Response()),))
    )
    return render_nginx([own, plain], {}, 17410, paths or NginxPaths())


def test_it_is_fitted_in_beside_others() -> None:
    assert_golden("nginx/own.conf", rendered(OWN).text)


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare")
def test_nginx_takes_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    said = nginx_says(tmp_path, rendered(OWN, NginxPaths(str(tmp_path), str(tmp_path))).text)
    assert "test is successful" in said, said


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare")
def test_what_nginx_refuses_is_led_back_to_the_line_of_the_text(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    text = rendered(OWN.replace("sendfile      on", "bogus on"), NginxPaths(str(tmp_path), str(tmp_path))).text
    assert origin_of(nginx_says(tmp_path, text), text) == Origin("web", "spec.nginx.configMapRef:12")
