"""operator/vipkeeper/standalone/main.py: `--check`, through the command. What `run` does is in tests/netns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import FOLDER, assert_golden
from vipkeeper.standalone.main import _demand_capabilities
from vipkeeper.standalone.state_dir import CannotStart

ROOT = Path(__file__).parents[3]
NGINX = str(Path(__file__).with_name("nginx-stand-in.sh"))


def check(*files: str, node: str = "one") -> subprocess.CompletedProcess[str]:
    options = [part for file in files for part in ("-f", file)]
    command = [sys.executable, "-m", "vipkeeper.cli", "run", *options, "--node", node, "--nginx", NGINX, "--check"]
    return subprocess.run(command, cwd=FOLDER / "standalone", capture_output=True, text=True, timeout=60, check=False)


def test_check_tells_every_problem_with_file_document_and_field() -> None:
    done = check("bad.yaml", "missing.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert_golden("standalone/bad.txt", done.stderr)


@pytest.mark.parametrize("node", ["lb1", "lb2"])
def test_check_of_a_good_file_says_what_would_run(node: str) -> None:
    done = check(str(ROOT / "examples/standalone/vip.yaml"), node=node)
    assert (done.returncode, done.stderr) == (0, "")
    assert_golden(f"standalone/good-{node}.txt", done.stdout)


def test_check_of_the_example_with_nginx_says_what_would_run() -> None:
    done = check(str(ROOT / "examples/standalone/nginx.yaml"), node="lb1")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == ["web: 192.0.2.10", "database: 192.0.2.11"]


def test_check_warns_of_secrets_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"1" * 32)
    (tmp_path / "key").chmod(0o644)
    hmac = "{keys: [{id: 1, file: key}]}"
    (tmp_path / "vip.yaml").write_text(
        "{apiVersion: vipkeeper.dev/v1alpha1, kind: VirtualIP, metadata: {name: web}, spec: {vrid: 51, "
        f"addresses: [192.0.2.10], vrrp: {{authentication: {{hmac: {hmac}}}}}}}}}"
    )
    done = check(str(tmp_path / "vip.yaml"))
    assert (done.returncode, done.stderr) == (0, f"{tmp_path}/key: a secret that others can read: chmod o-rwx\n")


def test_without_a_file_it_says_what_is_missing() -> None:
    done = check()
    assert done.returncode == 2
    assert "--file" in done.stderr


@pytest.mark.parametrize(
    ("capabilities", "missing"),
    [
        ("0000000000001000", "CAP_NET_RAW"),
        ("0000000000002000", "CAP_NET_ADMIN"),
        ("0", "CAP_NET_ADMIN and CAP_NET_RAW"),
    ],
)
def test_missing_privileges_are_named(capabilities: str, missing: str) -> None:
    _demand_capabilities("Name:\tx\nCapEff:\t0000000000003000\n")
    with pytest.raises(CannotStart, match=f"^{missing} needed"):
        _demand_capabilities(f"CapEff:\t{capabilities}\n")


def test_an_nginx_that_root_starts_needs_more_for_its_workers() -> None:
    _demand_capabilities("CapEff:\t00000000000030e1\n", nginx_as_root=True)
    with pytest.raises(CannotStart, match=r"^CAP_CHOWN and CAP_KILL and CAP_SETGID and CAP_SETUID needed"):
        _demand_capabilities("CapEff:\t0000000000003000\n", nginx_as_root=True)
