"""Secrets on disk: for root alone, never half, never in a log."""

from pathlib import Path

import pytest

from tests.unit.engine.samples import web
from vipkeeper.engine.document_store import read_documents, write_document
from vipkeeper.engine.secret_store import read_secrets, write_secrets

VALUES = {"web_key-1": bytes(range(64)), "web_password": b"geheim"}


def test_secrets_come_back_as_they_were_and_only_root_may_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    assert read_secrets(folder) == {}
    assert write_secrets(folder, VALUES)
    assert read_secrets(folder) == VALUES
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o600
    assert write_secrets(folder, {})
    assert list(folder.iterdir()) == []


def test_documents_and_secrets_do_not_disturb_each_other(tmp_path: Path) -> None:
    document = web(name="secrets")
    write_document(tmp_path, document)
    write_secrets(tmp_path, VALUES)
    assert read_documents(tmp_path) == {"secrets": document}
    assert read_secrets(tmp_path) == VALUES


@pytest.mark.parametrize("content", [b'{"web_password": "geheim', b'{"web_password": "geheim!"}', b"[]", b"\xff"])
def test_a_broken_file_is_told_without_its_content(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "secrets").write_bytes(content)
    assert read_secrets(tmp_path) == {}
    told = capfd.readouterr().err
    assert "can't be read" in told
    assert "geheim" not in told


def test_a_disk_that_refuses_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "documents").write_text("no folder")
    assert not write_secrets(tmp_path / "documents", VALUES)
    told = capfd.readouterr().err
    assert "can't be kept" in told
    assert "geheim" not in told
