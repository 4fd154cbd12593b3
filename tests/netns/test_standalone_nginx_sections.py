"""`spec.nginx` on plain hosts: sections and certificates that are read again, two runs, no nginx, the example.

Covers operator/vipkeeper/standalone/nginx.py and nginx_files.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.nginx_run import NginxRun, ask, nginx_pair, page
from tests.netns.standalone import VIP, preferring, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx", "curl", "openssl")]


EXAMPLE = Path(__file__).parents[2] / "examples/standalone/nginx.yaml"


OTHER = "192.0.2.101"


BACKENDS = """
import http.server, threading
class Port(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.server.server_address[1]).encode())
for port in (8080, 5432):
    threading.Thread(target=http.server.ThreadingHTTPServer(("0.0.0.0", port), Port).serve_forever).start()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vip.yaml"


def test_a_section_that_nginx_refuses_on_sighup_leaves_all_as_it_was_and_is_told(lan: Lan, file: Path) -> None:
    one, _two = nginx_pair(lan, file.parent)
    client = lan.host("client")
    before = one.states()
    one.reload(preferring({"one": 200}, nginx=page("new", snippet="gzipp on;")))
    one.wait_for_log('nginx refuses name=web spec.nginx.http[0].snippet: unknown directive "gzipp"')
    stays("the old one serves", lambda: ask(client) == "one", 1)
    assert one.states() == before
    one.reload(preferring({"one": 200}, nginx=page("new")))
    wait_for("the good one is taken", lambda: ask(client) == "new")
    assert one.states() == before


def test_a_section_that_comes_with_sighup_moves_nothing(lan: Lan, file: Path) -> None:
    one = NginxRun(lan.host("one"), write(file, preferring({"one": 200}))).start()
    wait_for("one has it", lambda: one.states() == ["backup", "active"])
    assert "nginx" not in one.log()
    one.reload(preferring({"one": 200}, nginx=page("here")))
    client = lan.host("client")
    wait_for("it answers", lambda: ask(client) == "here")
    wait_for("it is known", one.serves)
    assert one.states() == ["backup", "active"]


def test_two_runs_in_one_namespace_have_an_nginx_each(lan: Lan, file: Path) -> None:
    one, _two = nginx_pair(lan, file.parent)
    other = preferring({}, "web", vrid=60, addresses=[OTHER], nginx=page("second"))
    second = NginxRun(one.host, write(file, other), lan.folder / "second-run").start()
    client = lan.host("client")
    wait_for("it answers", lambda: ask(client, OTHER) == "second")
    assert ask(client) == "one"
    assert second.stop() == 0
    assert ask(client) == "one"


def test_without_nginx_on_the_host_the_field_and_the_fix_are_told(file: Path) -> None:
    write(file, preferring({"one": 200}, nginx=page("one")))
    command = [sys.executable, "-m", "vipkeeper.cli", "run", "-f", str(file), "--nginx", "/nowhere/nginx"]
    for more in ((), ("--check",)):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "spec.nginx: there is no program /nowhere/nginx on this host" in done.stderr
        assert "--nginx PROGRAM" in done.stderr


def test_the_example_of_two_load_balancers_that_are_both_at_work(lan: Lan) -> None:
    """Its backends are one host here: an address each."""
    backends = lan.host("backends")
    for number in (80, 81, 82, 90, 91):
        backends.run("ip", "address", "add", f"192.0.2.{number}/24", "dev", "eth0")
    backends.start(sys.executable, "-c", BACKENDS)
    runs = [NginxRun(lan.host(name), EXAMPLE).start() for name in ("lb1", "lb2")]
    wait_for("each has its own", lambda: (lan.owners("192.0.2.10"), lan.owners("192.0.2.11")) == (["lb1"], ["lb2"]), 40)
    client = lan.host("client")
    wait_for("the web servers answer", lambda: ask(client, "192.0.2.10") == "8080")
    wait_for("the database answers", lambda: ask(client, "192.0.2.11", 5432) == "5432")
    runs[0].kill_nginx()
    wait_for("lb2 has both", lambda: "state=active" in runs[1].log().partition("vip=web ")[2], 20)
    wait_for("lb1 has it again", lambda: lan.owners("192.0.2.10") == ["lb1"])
    assert [run.stop() for run in runs] == [0, 0]


def test_a_certificate_from_a_file_is_served_and_read_again_on_sighup(lan: Lan, file: Path) -> None:
    bundle = file.with_name("www.pem")
    make_bundle(bundle, "first.example.com")
    section = {"http": [{"port": 443, "tls": {"file": "www.pem"}, "response": {"body": "secret"}}]}
    one = NginxRun(lan.host("one"), write(file, preferring({}, nginx=section))).start()
    wait_for(f"it serves\n{one.log()}", one.serves, 40)
    client = lan.host("client")
    wait_for("it answers", lambda: client.run("curl", "-sk", "-m", "1", f"https://{VIP}/", check=False) == "secret")
    assert "first.example.com" in subject_of(client)
    make_bundle(bundle, "second.example.com")
    one.reload()
    wait_for("the other certificate", lambda: "second.example.com" in subject_of(client))
    assert one.states() == ["backup", "active"]
    bundle.write_text("nonsense")
    one.reload()
    one.wait_for_log("spec.nginx.http[0].tls.file: " + str(bundle) + ": has no certificate in PEM form")
    assert "second.example.com" in subject_of(client)
    assert b"PRIVATE KEY" not in one.log().encode()


def make_bundle(file: Path, name: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    parts = [file.with_suffix(".key"), file.with_suffix(".crt")]
    subprocess.run(
        [*command, "-subj", f"/CN={name}", "-keyout", str(parts[0]), "-out", str(parts[1])],
        check=True,
        capture_output=True,
    )
    file.write_bytes(b"".join(part.read_bytes() for part in reversed(parts)))
    file.chmod(0o600)


def subject_of(client: Host) -> str:
    command = ["openssl", "s_client", "-connect", f"{VIP}:443"]
    done = subprocess.run(client.command(*command), input="", capture_output=True, text=True, check=False, timeout=20)
    return next((line for line in done.stdout.splitlines() if line.startswith("subject=")), "")
