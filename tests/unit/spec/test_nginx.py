"""operator/vipkeeper/spec/nginx.py"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from vipkeeper.spec.nginx import HTTPServer, Nginx, ServiceReference


@pytest.mark.parametrize("port", [1, 80, 65535, "http", "http-2", "a" * 15])
def test_a_service_port_is_a_number_or_a_name(port: int | str) -> None:
    assert ServiceReference.model_validate({"namespace": "a", "name": "b", "port": port}).port == port


@pytest.mark.parametrize("port", [0, 65536, True, 80.0, "80", "", "a" * 16, "HTTP", "-a", None, "a\n"])
def test_and_nothing_else(port: object) -> None:
    with pytest.raises(ValidationError, match="port"):
        ServiceReference.model_validate({"namespace": "a", "name": "b", "port": port})


@pytest.mark.parametrize(
    "changes",
    [
        {"hostnames": ["a_b.example.com"]},
        {"hostnames": ["*"]},
        {"hostnames": ["a.*.example.com"]},
        {"hostnames": ["a;"]},
        {"maxBodySize": "10M"},
        {"maxBodySize": 10},
        {"locations": [{"path": "api", "response": {}}]},
        {"locations": [{"path": "/a b", "response": {}}]},
        {"response": {"statusCode": 100}},
        {"response": {"contentType": "text"}},
        {"proxyHeaders": {"set": [{"name": "X A", "value": ""}]}},
        {"proxyHeaders": {"set": [{"name": "X", "value": "a\nb"}]}},
        {"proxyProtocol": {"trustedSources": []}},
        {"accessLog": {"format": "XML"}},
        {"redirect": {"scheme": "ftp"}},
    ],
)
def test_texts_that_would_break_out_of_their_place_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HTTPServer.model_validate({"port": 80} | changes)


def test_what_users_need_not_write_has_a_default() -> None:
    stream = {"port": 53, "upstream": {"service": {"namespace": "a", "name": "b", "port": 53}}}
    section = Nginx.model_validate({"stream": [stream]})
    assert section.http == ()
    assert section.stream[0].protocol == "TCP"
    assert section.stream[0].upstream.balance == "RoundRobin"
