"""Files with secrets: relative to the document, told when they can't serve, never quoted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from vipkeeper.standalone.configuration import read_configuration
from vipkeeper.standalone.options import Options
from vipkeeper.standalone.secret_files import SECRET_REF, read_values, readable_by_others

NGINX = str(Path(__file__).with_name("nginx-stand-in.sh"))


def write(folder: Path, keys: list[dict[str, Any]]) -> Options:
    spec = {"vrid": 51, "addresses": ["192.0.2.10"], "vrrp": {"authentication": {"hmac": {"keys": keys}}}}
    value = {"apiVersion": "vipkeeper.dev/v1alpha1", "kind": "VirtualIP", "metadata": {"name": "web"}, "spec": spec}
    (folder / "vip.yaml").write_text(yaml.safe_dump(value))
    return Options((str(folder / "vip.yaml"),), "one", folder / "state")


def test_a_file_is_found_beside_its_document_and_its_mode_is_looked_at(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "one"
    key.parent.mkdir()
    key.write_bytes(b"1" * 32)
    key.chmod(0o600)
    documents, problems = read_configuration(write(tmp_path, [{"id": 1, "file": "keys/one"}]))
    assert problems == []
    assert read_values(documents["web"].secrets) == {str(key): b"1" * 32}
    assert readable_by_others(documents.values()) == []
    key.chmod(0o604)
    assert readable_by_others(documents.values()) == [str(key)]
    key.unlink()
    assert read_values(documents["web"].secrets) == {}
    assert readable_by_others(documents.values()) == []


def test_what_is_missing_or_can_t_be_a_key_is_told_with_its_field(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("geheim")
    reference = {"secretRef": {"name": "web", "key": "key-1"}}
    keys: list[dict[str, Any]] = [{"id": 1, "file": "away"}, {"id": 2, "file": "short"}, {"id": 3} | reference]
    documents, problems = read_configuration(write(tmp_path, keys))
    path = "spec.vrrp.authentication.hmac.keys"
    assert documents == {}
    assert [problem.text for problem in problems] == [
        f"{path}[0].file: {tmp_path}/away: No such file or directory",
        f"{path}[1].file: {tmp_path}/short: has 6 bytes; a key has 32 to 64",
        f"{path}[2].secretRef: {SECRET_REF}",
    ]


def with_certificate(folder: Path, tls: dict[str, Any]) -> list[str]:
    """Problems of a document with a server that has `tls`."""
    server = {"port": 443, "tls": tls, "response": {"body": "x"}}
    spec = {"vrid": 51, "addresses": ["192.0.2.10"], "nginx": {"http": [server]}}
    value = {"apiVersion": "vipkeeper.dev/v1alpha1", "kind": "VirtualIP", "metadata": {"name": "web"}, "spec": spec}
    (folder / "vip.yaml").write_text(yaml.safe_dump(value))
    options = Options((str(folder / "vip.yaml"),), "one", Path("/run/x"), nginx=NGINX)
    return [problem.text for problem in read_configuration(options)[1]]


def test_a_certificate_comes_from_a_file_with_its_key_and_from_no_secret(tmp_path: Path) -> None:
    (tmp_path / "www.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    path = "spec.nginx.http[0].tls"
    assert with_certificate(tmp_path, {"secretRef": {"name": "www"}}) == [f"{path}.secretRef: {SECRET_REF}"]
    assert with_certificate(tmp_path, {"file": "away.pem"}) == [
        f"{path}.file: {tmp_path}/away.pem: No such file or directory"
    ]
    (problem,) = with_certificate(tmp_path, {"file": "www.pem"})
    assert problem == f"{path}.file: {tmp_path}/www.pem: has no private key in PEM form without a pass phrase"
    (tmp_path / "www.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n")
    assert with_certificate(tmp_path, {"file": "www.pem"}) == []
