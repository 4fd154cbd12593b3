"""operator/vipkeeper/spec/nginx.py"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from vipkeeper.spec.nginx import HTTPServer, Nginx


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
