"""The state folder: whole documents or none. (With a whole speaker: tests/netns/test_documents.py.)"""

import subprocess
from pathlib import Path

import pytest

from tests.unit.engine.own_network import in_own_mounts
from tests.unit.engine.samples import web
from vipkeeper.engine.document_store import delete_document, read_documents, read_owner, write_document, write_owner


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    assert read_documents(folder) == {}
    assert write_document(folder, web())
    assert write_document(folder, web(name="other"))
    assert write_document(folder, web(generation=4))
    assert read_documents(folder) == {"web": web(generation=4), "other": web(name="other")}
    assert delete_document(folder, "web")
    assert delete_document(folder, "web"), "what is not there is removed already"
    assert read_documents(folder) == {"other": web(name="other")}


def test_a_broken_file_is_reported_and_skipped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_document(tmp_path, web())
    good = (tmp_path / "web.json").read_text()
    (tmp_path / "half.json").write_text(good[:40])
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "other-name.json").write_text(good)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "README").write_text("not ours")
    assert read_documents(tmp_path) == {"web": web()}
    said = capfd.readouterr().err
    for name in ("half", "binary", "list", "other-name", "folder"):
        assert f"{name}.json" in said
    assert "README" not in said


def test_a_write_that_was_cut_short_is_cleaned_up_and_the_old_document_is_there(tmp_path: Path) -> None:
    write_document(tmp_path, web())
    (tmp_path / ".web.json").write_text("{")
    assert read_documents(tmp_path) == {"web": web()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.json"]


def test_a_folder_that_is_a_file_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "documents"
    blocked.write_text("")
    assert read_documents(blocked) == {}
    assert write_document(blocked, web()) is False
    assert len(capfd.readouterr().err.splitlines()) == 2


def mounted(folder: Path, options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.requires("mount")
@in_own_mounts
def test_a_full_disk_keeps_the_old_document_and_takes_the_new_one_when_there_is_room(tmp_path: Path) -> None:
    mounted(tmp_path, "size=64k")
    assert write_document(tmp_path, web())
    filling = tmp_path / "filling"
    with pytest.raises(OSError, match="No space left"):
        filling.write_bytes(bytes(1 << 17))
    assert write_document(tmp_path, web(generation=4)) is False
    assert write_document(tmp_path, web(name="other")) is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filling", "web.json"]
    assert read_documents(tmp_path) == {"web": web()}
    assert delete_document(tmp_path, "web"), "a full disk does not keep us from deleting"
    filling.unlink()
    assert write_document(tmp_path, web(generation=4))
    assert read_documents(tmp_path) == {"web": web(generation=4)}


@pytest.mark.requires("mount")
@in_own_mounts
def test_a_read_only_disk_is_read_and_nothing_else(tmp_path: Path) -> None:
    mounted(tmp_path, "size=64k")
    assert write_document(tmp_path, web())
    mounted_again = ["mount", "-o", "remount,ro", str(tmp_path)]
    assert subprocess.run(mounted_again, check=False).returncode == 0
    assert write_document(tmp_path, web(generation=4)) is False
    assert delete_document(tmp_path, "web") is False
    assert read_documents(tmp_path) == {"web": web()}


def test_the_pod_that_owns_the_documents_is_remembered_and_none_is_nobody(tmp_path: Path) -> None:
    assert read_owner(tmp_path) == ""
    assert write_owner(tmp_path, "speaker-a")
    assert read_owner(tmp_path) == "speaker-a"
    assert write_owner(tmp_path, "speaker-b")
    assert read_owner(tmp_path) == "speaker-b"
    assert not write_owner(tmp_path / "missing", "speaker-a")
