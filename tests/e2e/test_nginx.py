"""nginx in the cluster beyond plain HTTP: certificates from a Secret, an nginx.conf from a ConfigMap, and what nginx
refuses. What each field does is tested in tests/netns/test_nginx_serving.py and test_nginx_tls.py.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.e2e.conftest import BLUE, MakeVip
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import Vip, http_of
from tests.e2e.support.waiting import wait_until

SOON_S = 30.0
HOST = "secure.example.com"


def _apply(lab: Lab, kind: str, name: str, **members: object) -> None:
    metadata = {"name": name, "namespace": NAMESPACE}
    lab.cluster.apply(json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata, **members}))


def _certificate(lab: Lab, folder: Path, serial: int) -> Path:
    """Made anew, signed by itself, in the Secret."""
    key, crt = folder / f"{serial}.key", folder / f"{serial}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-set_serial", str(serial)]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    data = {"tls.crt": crt.read_text(), "tls.key": key.read_text()}
    _apply(lab, "Secret", "e2e-certificate", type="kubernetes.io/tls", stringData=data)
    return crt


def _answers_https(lab: Lab, vip: Vip, certificate: Path) -> bool:
    trusted = ["--cacert", str(certificate), "--resolve", f"{HOST}:443:{vip.address}"]
    return lab.client.run(["curl", "-fsS", "-m", "5", *trusted, f"https://{HOST}/"], check=False).returncode == 0


def test_a_certificate_reaches_the_nodes_and_so_does_the_next_one(lab: Lab, vip: MakeVip, tmp_path: Path) -> None:
    first = _certificate(lab, tmp_path, 1)
    try:
        (server,) = http_of(BLUE)["http"]
        one = vip({"nginx": {"http": [server | {"port": 443, "tls": {"secretRef": {"name": "e2e-certificate"}}}]}})
        wait_until("the first certificate is served", lambda: _answers_https(lab, one, first), SOON_S)
        second = _certificate(lab, tmp_path, 2)
        wait_until("the second certificate is served", lambda: _answers_https(lab, one, second), SOON_S)
        assert not _answers_https(lab, one, first)
    finally:
        lab.cluster.kubectl("delete", "secret", "e2e-certificate", "-n", NAMESPACE)


def test_what_nginx_refuses_is_told_with_its_field_and_what_ran_before_serves_on(lab: Lab, vip: MakeVip) -> None:
    one = vip({"nginx": http_of(BLUE)})
    one.wait_for("Ready")
    lab.answering(one.address)
    (server,) = http_of(BLUE)["http"]
    one.patch({"nginx": {"http": [server | {"snippet": "bogus on;"}]}})
    lab.cluster.kubectl("wait", "--for=condition=NginxReady=False", f"vip/{one.name}", "--timeout=30s")
    message = one.condition("NginxReady")["message"]
    assert 'spec.nginx.http[0].snippet: unknown directive "bogus"' in message
    assert lab.http_answer(one.address)
    other = vip({"nginx": http_of(BLUE)})
    other.wait_for("Ready")
    lab.answering(other.address)
    one.patch({"nginx": http_of(BLUE)})
    lab.cluster.kubectl("wait", "--for=condition=NginxReady=True", f"vip/{one.name}", "--timeout=30s")


def test_an_nginx_conf_follows_its_config_map(lab: Lab, vip: MakeVip) -> None:
    text = 'events {} http { server { listen 80; return 200 "%s\\n"; } }'
    _apply(lab, "ConfigMap", "e2e-nginx", data={"nginx.conf": text % "one"})
    try:
        own = vip({"nginx": {"configMapRef": {"name": "e2e-nginx"}}})
        wait_until("the file is served", lambda: lab.http_answer(own.address) == "one", SOON_S)
        _apply(lab, "ConfigMap", "e2e-nginx", data={"nginx.conf": text % "two"})
        wait_until("its change is served", lambda: lab.http_answer(own.address) == "two", SOON_S)
    finally:
        lab.cluster.kubectl("delete", "configmap", "e2e-nginx", "-n", NAMESPACE)
