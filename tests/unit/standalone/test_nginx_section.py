from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vipkeeper.standalone import nginx_section
from vipkeeper.standalone.nginx_section import problems
from vipkeeper.standalone.options import Options

SERVICE = {"service": {"namespace": "default", "name": "shop", "port": 80}}
SERVERS = {"servers": [{"address": "192.0.2.8", "port": 80}]}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """With a program that says it is an nginx."""
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\necho nginx version: nginx/1.22.1 >&2\n")
    program.chmod(0o755)
    return Options((), "one", Path("/run/vipkeeper"), nginx=str(program))


def test_every_service_is_refused_with_its_field_and_the_way_out(options: Options) -> None:
    section: dict[str, Any] = {
        "http": [
            {"port": 80, "upstream": SERVERS, "locations": [{"path": "/a", "upstream": SERVICE}]},
            {"port": 81, "upstream": SERVICE},
        ],
        "stream": [{"port": 82, "upstream": SERVICE}],
    }
    told = list(problems(section, options))
    assert [problem.partition(": ")[0] for problem in told] == [
        "spec.nginx.http[0].locations[0].upstream.service",
        "spec.nginx.http[1].upstream.service",
        "spec.nginx.stream[0].upstream.service",
    ]
    assert all("`servers`" in problem for problem in told)


def test_servers_are_fine(options: Options) -> None:
    assert list(problems({"http": [{"port": 80, "upstream": SERVERS}]}, options)) == []


@pytest.mark.parametrize("section", [[], "text", {"http": "text"}, {"http": [1]}, {"http": {"upstream": 1}}])
def test_nonsense_is_left_to_the_parser(section: object, options: Options) -> None:
    assert list(problems(section, options)) == []


def test_a_program_that_is_not_there_or_no_nginx_is_told_once(options: Options) -> None:
    (absent,) = problems({}, replace(options, nginx="no-such-nginx"))
    assert absent.startswith("spec.nginx: there is no program no-such-nginx on this host")
    assert "--nginx PROGRAM" in absent
    (other,) = problems({}, replace(options, nginx="true"))
    assert "true is no nginx that runs here" in other


def test_a_socket_path_that_would_be_too_long_is_told_before(options: Options) -> None:
    (problem,) = problems({}, replace(options, state_dir=Path("/" + "x" * 100)))
    assert problem.startswith("spec.nginx: --state-dir /xxx")
    assert nginx_section.SERVICE not in problem
