"""operator/vipkeeper/nginx/certificates.py (with real ones: tests/netns/test_nginx_tls.py)"""

from __future__ import annotations

from dataclasses import replace

from tests.unit.spec.objects import document
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import TLS, HTTPServer, NginxSection, Response, StreamServer, Upstream, UpstreamServer
from vipkeeper.nginx.certificates import Pinned, pin

VALUES = {"site_tls.crt": b"certificate\n", "site_tls.key": b"key"}


def with_tls(*secrets: str) -> RenderedVirtualIP:
    http = tuple(HTTPServer(443 + n, response=Response(), tls=TLS(secret)) for n, secret in enumerate(secrets))
    stream = (StreamServer(5432, upstream=Upstream((UpstreamServer("127.0.0.1", 1),)), tls=TLS(secrets[0])),)
    return document("w1", nginx=NginxSection(http, stream))


def version(pinned: Pinned) -> str:
    assert pinned.document.nginx is not None
    tls = pinned.document.nginx.http[0].tls
    assert tls is not None
    return tls.version


def test_each_server_gets_the_version_of_its_content_and_one_file_holds_both() -> None:
    pinned = pin(with_tls("site"), VALUES.get)
    assert pinned.files == {f"site-{version(pinned)}.pem": b"certificate\nkey\n"}
    assert pinned.document.nginx is not None
    assert pinned.document.nginx.stream[0].tls == TLS("site", version=version(pinned))
    other = pin(with_tls("site"), (VALUES | {"site_tls.key": b"other"}).get)
    assert version(other) != version(pinned)


def test_what_is_missing_is_told_with_its_field_and_nothing_is_half_done() -> None:
    wanted = with_tls("site", "gone")
    pinned = pin(wanted, VALUES.get)
    assert pinned.missing == ("spec.nginx.http[1].tls", "Secret gone has not come to this node yet")
    assert (pinned.document, pinned.files) == (wanted, {})
    of_others = pin(with_tls("_shop_gone"), VALUES.get)
    assert of_others.missing == ("spec.nginx.http[0].tls", "Secret shop/gone has not come to this node yet")


def test_without_tls_a_document_stays_as_it_is() -> None:
    plain = document("w1", nginx=NginxSection((HTTPServer(80, response=Response()),)))
    assert pin(plain, VALUES.get) == Pinned(plain)
    assert pin(replace(plain, nginx=None), VALUES.get).files == {}


def test_private_keys_are_in_no_text_for_a_log() -> None:
    assert "certificate\\n" not in repr(pin(with_tls("site"), VALUES.get))


def test_a_file_has_both_and_is_told_by_its_path_when_it_is_gone() -> None:
    of_file = document("w1", nginx=NginxSection((HTTPServer(443, response=Response(), tls=TLS(file="/x/www.pem")),)))
    pinned = pin(of_file, {"/x/www.pem": b"certificate and key\n"}.get)
    assert pinned.files == {f"file-{version(pinned)}.pem": b"certificate and key\n"}
    assert pin(of_file, VALUES.get).missing == ("spec.nginx.http[0].tls", "/x/www.pem can't be read")
