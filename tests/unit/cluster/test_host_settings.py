"""What nodes change on the machine is put back, and nothing else is written."""

from pathlib import Path

from tests.cluster.host_settings import note, restore


def sysctl(root: Path, name: str, value: str) -> Path:
    file = root / name.replace(".", "/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value + "\n")
    return file


def test_only_what_differs_is_restored(tmp_path: Path) -> None:
    panic, overcommit = sysctl(tmp_path, "kernel.panic", "1"), sysctl(tmp_path, "vm.overcommit_memory", "0")
    noted = note(("kernel.panic", "vm.overcommit_memory", "kernel.not_in_this_kernel"), tmp_path)
    assert noted == {"kernel.panic": "1", "vm.overcommit_memory": "0"}
    overcommit.write_text("1\n")
    assert restore(noted, tmp_path) == {"vm.overcommit_memory": ("1", "0")}
    assert (panic.read_text(), overcommit.read_text()) == ("1\n", "0\n")
