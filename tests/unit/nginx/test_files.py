from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.unit.nginx.status_server import status_server
from tests.unit.spec.objects import document
from vipkeeper.nginx.files import NginxFiles, words


@pytest.fixture
def files(tmp_path: Path) -> NginxFiles:
    return NginxFiles(tmp_path)


def test_an_unchanged_configuration_is_not_written_again(files: NginxFiles, tmp_path: Path) -> None:
    assert files.write("events {}")
    before = (tmp_path / "nginx.conf").stat()
    assert not files.write("events {}")
    assert (tmp_path / "nginx.conf").stat().st_ino == before.st_ino
    assert files.write("events { }")
    assert (tmp_path / "nginx.conf").read_text() == "events { }"
    assert [path.name for path in tmp_path.iterdir()] == ["nginx.conf"]


def test_the_documents_that_ran_last_are_known_to_the_next_agent(files: NginxFiles, tmp_path: Path) -> None:
    assert files.good_documents() == ()
    files.keep_good_documents([document("w1")])
    assert NginxFiles(tmp_path).good_documents() == (document("w1"),)
    (tmp_path / "good-documents.json").write_text('[{"format": 99}]')
    assert files.good_documents() == ()


def test_a_request_needs_a_listener_and_never_waits_for_one(files: NginxFiles, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.request_reload("aa")
    os.mkfifo(tmp_path / "reload")
    with pytest.raises(OSError, match="No such device"):
        files.request_reload("aa")
    with (tmp_path / "reload").open("r+b", buffering=0) as listener:
        files.request_reload("aa")
        assert listener.readline() == b"aa\n"


def test_a_result_is_read_when_it_is_whole(files: NginxFiles, tmp_path: Path) -> None:
    assert files.result() is None
    (tmp_path / "result.json").write_text("{")
    assert files.result() is None
    (tmp_path / "result.json").write_text(json.dumps({"generation": "aa", "ok": False, "output": "why"}))
    result = files.result()
    assert result is not None
    assert (result.generation, result.ok, result.output) == ("aa", False, "why")


def test_the_running_generation_is_what_nginx_says(files: NginxFiles, tmp_path: Path) -> None:
    assert files.running_generation() is None
    with status_server(tmp_path / "status.sock") as server:
        server.body = "0123456789abcdef\n"
        assert files.running_generation() == "0123456789abcdef"
        server.status = 404
        assert files.running_generation() is None


def test_the_words_are_the_reasons_alone_each_once() -> None:
    output = (
        '2026/01/02 03:04:05 [emerg] 7#7: unknown directive "bogus" in /x/nginx.conf:3\n'
        'nginx: [emerg] unknown directive "bogus" in /x/nginx.conf:3\n'
        "nginx: configuration file /x/nginx.conf test failed\n"
    )
    assert words(output) == 'unknown directive "bogus" in /x/nginx.conf:3'
    assert words("something else\n") == "something else"
