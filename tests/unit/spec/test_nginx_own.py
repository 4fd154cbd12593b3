"""operator/vipkeeper/spec/nginx_own.py"""

from __future__ import annotations

import pytest

from vipkeeper.ipc.rendered_nginx import OwnConfiguration
from vipkeeper.spec.nginx_own import MAX_LENGTH, own_configuration_problem, text_problem

OWN = OwnConfiguration("site", "nginx.conf")
GOOD = "user nginx; worker_processes 4; events { worker_connections 10; } http { server { listen 80; } }"


@pytest.mark.parametrize("text", [GOOD, "stream { server { listen 53 udp; } }", "include x; http { server { } }"])
def test_a_whole_nginx_conf_is_taken(text: str) -> None:
    assert text_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http {", 'line 1: the block of "http" is not closed'),
        ("http { }", "has no server in http or stream"),
        ("\nmail { }", 'line 2: "mail" can\'t stand at the top level here'),
        ("server { listen 80; }", 'line 1: "server" can\'t stand at the top level here'),
        ("http on;", 'line 1: "http" has no block'),
        ("#" * (MAX_LENGTH + 1), "has 65537 characters, 65536 is the most"),
    ],
)
def test_what_can_not_be_fitted_in_is_told_with_its_line(text: str, problem: str) -> None:
    assert problem in text_problem(text)


def test_where_the_text_is_looked_for() -> None:
    path = "spec.nginx.configMapRef"
    assert own_configuration_problem(OWN, {"site": {"nginx.conf": GOOD}}, "ns") == ("", False)
    assert own_configuration_problem(OWN, {}, "ns") == (f"{path}: there is no ConfigMap site in namespace ns", True)
    assert own_configuration_problem(OWN, {"site": {"a": GOOD}}, "ns") == (
        f"{path}: ConfigMap ns/site has no key nginx.conf",
        True,
    )
    bad = own_configuration_problem(OWN, {"site": {"nginx.conf": "a"}}, "ns")
    assert bad[0].startswith(f"{path}: key nginx.conf of ConfigMap ns/site: line 1: the text ends within")
    assert not bad[1]
