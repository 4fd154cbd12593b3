"""The same files give the same image, whenever and by whomever it is made."""

import json
import os
import tarfile
from pathlib import Path

from tests.cluster.image_archive import write_image


def test_an_archive_holds_configuration_layer_and_manifest(tmp_path: Path) -> None:
    (tmp_path / "root/bin").mkdir(parents=True)
    (tmp_path / "root/bin/x").write_text("#!")
    write_image(tmp_path / "one.tar", "test/x:1", tmp_path / "root", ["/bin/x"])
    with tarfile.open(tmp_path / "one.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]  # it is a file
        configuration = json.load(archive.extractfile(manifest[0]["Config"]))  # type: ignore[arg-type]  # it is a file
    assert manifest[0]["RepoTags"] == ["test/x:1"]
    assert configuration["config"]["Entrypoint"] == ["/bin/x"]


def test_time_and_owner_do_not_change_an_image(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/x").write_text("x")
    write_image(tmp_path / "one.tar", "test/x:1", tmp_path / "root", ["/x"])
    os.utime(tmp_path / "root/x", (1, 1))
    write_image(tmp_path / "two.tar", "test/x:1", tmp_path / "root", ["/x"])

    def layer(archive: str) -> bytes:
        with tarfile.open(tmp_path / archive) as tar:
            file = tar.extractfile("layer.tar")
            assert file is not None
            return file.read()

    assert layer("one.tar") == layer("two.tar")
