from __future__ import annotations

import os
from pathlib import Path

import pytest

from vipkeeper.standalone import nginx_program


def program(folder: Path, told: str, code: int = 0) -> str:
    """Prints `told` to stderr, and what it was called with."""
    file = folder / "nginx"
    file.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{told}\nEND\nprintf '%s\\n' \"$@\" >&2\nexit {code}\n")
    file.chmod(0o755)
    return str(file)


def test_it_is_found_by_path_and_by_name_also_without_sbin_in_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path, "")
    assert nginx_program.find(path) == path
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nginx_program.find("nginx") == path
    assert nginx_program.find("modprobe") in (None, "/usr/sbin/modprobe", "/sbin/modprobe")
    Path(path).chmod(0o644)
    assert nginx_program.find(path) is None


def test_a_relative_path_stays_good_when_the_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert nginx_program.find("./nginx") == str(tmp_path / "nginx")


@pytest.mark.parametrize(
    ("version", "knows_e"), [("nginx/1.14.1", False), ("nginx/1.19.5", True), ("openresty/1.27.1.1", True)]
)
def test_old_ones_are_not_given_an_option_that_they_do_not_know(tmp_path: Path, version: str, knows_e: bool) -> None:
    found = nginx_program.look_at(program(tmp_path, f"nginx version: {version}"))
    assert ("-e" in found.command(Path("/x.conf"))) == knows_e


@pytest.mark.parametrize(("built", "loads"), [("--with-stream=dynamic", True), ("--with-stream", False), ("", False)])
def test_stream_is_loaded_where_it_is_a_module(tmp_path: Path, built: str, loads: bool) -> None:
    module = tmp_path / "ngx_stream_module.so"
    module.touch()
    told = f"nginx version: nginx/1.22.1\nconfigure arguments: --modules-path={tmp_path} {built}"
    command = nginx_program.look_at(program(tmp_path, told)).command(Path("/x.conf"))
    assert (f'load_module "{module}";' in command[-1]) == loads
    module.unlink()
    assert "load_module" not in nginx_program.look_at(program(tmp_path, told)).command(Path("/x.conf"))[-1]


def test_the_workers_have_a_user_of_their_own_when_the_master_is_root(tmp_path: Path) -> None:
    settings = nginx_program.look_at(program(tmp_path, "nginx version: nginx/1.22.1")).command(Path("/x.conf"))[-1]
    assert ("user " in settings) == (os.geteuid() == 0)
    assert "user root" not in settings
    assert "daemon off;" in settings


def test_what_is_no_nginx_is_refused_with_its_path(tmp_path: Path) -> None:
    path = program(tmp_path, "sshd version 9")
    with pytest.raises(OSError, match="does not tell the version"):
        nginx_program.look_at(path)
    assert nginx_program.problem_of(path).startswith(f"{path} is no nginx that runs here")


@pytest.mark.parametrize("code", [0, 1])
def test_the_test_passes_by_its_exit_code_and_tells_what_was_said(tmp_path: Path, code: int) -> None:
    found = nginx_program.NginxProgram(program(tmp_path, "[emerg] no", code), True, "")
    ok, said = found.passes(tmp_path / "nginx.conf")
    assert ok == (code == 0)
    assert "[emerg] no" in said
    assert said.splitlines()[1:5] == ["-e", "stderr", "-t", "-c"]


def test_paths_are_written_so_that_nginx_reads_them_as_they_are() -> None:
    assert nginx_program.setting("error_log", Path('/a b"c\\d'), "emerg") == 'error_log "/a b\\"c\\\\d" emerg;'
