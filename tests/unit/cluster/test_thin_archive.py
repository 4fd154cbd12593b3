"""An archive for nodes that have the lower layers already keeps the others, and says the same about all of them."""

import io
import json
import tarfile
from pathlib import Path

from tests.cluster.thin_archive import EMPTY_TAR, known_prefix, layers_of, write_thin


def archive(path: Path, layers: dict[str, bytes]) -> Path:
    files = {f"{name}.tar": content for name, content in layers.items()}
    files["config.json"] = json.dumps({"rootfs": {"diff_ids": [f"sha256:{name}" for name in layers]}}).encode()
    manifest = [{"Config": "config.json", "RepoTags": ["x:1"], "Layers": [f"{name}.tar" for name in layers]}]
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def test_only_layers_in_the_same_order_from_the_bottom_are_known() -> None:
    assert known_prefix(["a", "b", "c"], ["a", "b", "d"]) == 2
    assert known_prefix(["a", "b"], ["b", "a"]) == 0
    assert known_prefix(["a"], []) == 0


def test_known_layers_are_empty_and_the_rest_is_whole(tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole.tar", {"base": b"b" * 4096, "code": b"new"})
    write_thin(whole, tmp_path / "thin.tar", known=1)
    assert layers_of(tmp_path / "thin.tar") == layers_of(whole) == ["sha256:base", "sha256:code"]
    with tarfile.open(tmp_path / "thin.tar") as tar:
        base, code = tar.extractfile("base.tar"), tar.extractfile("code.tar")
        assert base is not None
        assert code is not None
        assert (base.read(), code.read()) == (EMPTY_TAR, b"new")
