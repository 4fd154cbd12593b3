"""The entry script of the nginx sidecar (charts/vipkeeper/files/nginx-entrypoint.sh), with a real nginx, in both worlds
of stock images: Debian's tools, and busybox's alone.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.processes import children, command_line
from tests.netns.sidecar import READINESS_PORT, Sidecar, wait_for

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "busybox", "unshare", "setpriv")]

FOREIGN_ADDRESS = "192.0.2.10"


def configuration(generation: str, listen: str | None = None, extra: str = "") -> str:
    server = f"server {{ listen {listen}; return 200 web; }}" if listen else ""
    temp = "".join(
        f"{kind}_temp_path /var/cache/nginx/{folder}_temp; "
        for kind, folder in (
            ("client_body", "client"),
            ("proxy", "proxy"),
            ("fastcgi", "fastcgi"),
            ("uwsgi", "uwsgi"),
            ("scgi", "scgi"),
        )
    )
    return f"""
        pid /run/vipkeeper/nginx/nginx.pid;
        {extra}
        events {{}}
        http {{
            access_log off;
            {temp}
            server {{
                listen unix:/run/vipkeeper/nginx/status.sock;
                location = /healthz {{ return 200 ok; }}
                location = /generation {{ return 200 {generation}; }}
            }}
            {server}
        }}
    """


@pytest.fixture(params=["debian", "busybox"])
def sidecar(request: pytest.FixtureRequest) -> Iterator[Sidecar]:
    machine = Sidecar(busybox=request.param == "busybox")
    try:
        yield machine
    finally:
        machine.close()


def allow_foreign_addresses(sidecar: Sidecar) -> None:
    sidecar.in_namespace("sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1")


def listening(sidecar: Sidecar) -> str:
    return sidecar.in_namespace("ss", "-Hltn")


def workers(sidecar: Sidecar) -> list[int]:
    return [pid for pid in children(sidecar.master()) if b"worker" in command_line(pid)]


def test_it_becomes_ready_before_any_configuration_was_written(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    assert sidecar.generation() == "none"
    assert f"127.0.0.1:{READINESS_PORT}" in listening(sidecar)


def test_nginx_is_process_one_with_three_capabilities_and_workers_without_any(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    wait_for(lambda: workers(sidecar), "a worker")
    master = Path(f"/proc/{sidecar.master()}/status").read_text()
    assert "NSpid:" in master
    assert master.split("NSpid:")[1].splitlines()[0].split()[-1] == "1"
    assert "CapEff:\t00000000000004c0" in master
    worker = Path(f"/proc/{workers(sidecar)[0]}/status").read_text()
    assert "CapEff:\t0000000000000000" in worker
    assert "Uid:\t0" not in worker


def test_a_good_configuration_is_loaded_and_the_old_workers_go(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    wait_for(lambda: workers(sidecar), "a worker")
    before = workers(sidecar)
    allow_foreign_addresses(sidecar)
    sidecar.write(configuration("aaaa", f"{FOREIGN_ADDRESS}:80"))
    sidecar.request("aaaa")
    assert sidecar.wait_for_result("aaaa")["ok"] is True
    wait_for(lambda: sidecar.generation() == "aaaa", "the new generation")
    assert f"{FOREIGN_ADDRESS}:80" in listening(sidecar)
    wait_for(lambda: not set(before) & set(children(sidecar.master())), "the old workers to end")
    assert "[alert]" not in sidecar.log.read_text()


def test_a_bad_configuration_is_reported_in_nginx_own_words_and_the_old_one_keeps_serving(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    sidecar.write(configuration("bad\\\\", extra='bogus "quoted\tvalue";'))
    sidecar.request("bad")
    result = sidecar.wait_for_result("bad")
    assert result["ok"] is False
    assert 'unknown directive "bogus"' in result["output"]
    assert sidecar.generation() == "none"


def test_an_address_that_may_not_be_bound_yet_is_refused_and_taken_on_the_next_request(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    sidecar.write(configuration("early", f"{FOREIGN_ADDRESS}:80"))
    sidecar.request("early")
    result = sidecar.wait_for_result("early")
    assert result["ok"] is False
    assert "Cannot assign requested address" in result["output"]
    allow_foreign_addresses(sidecar)
    sidecar.request("early")
    wait_for(lambda: sidecar.generation() == "early", "the new generation")


def test_killed_nginx_starts_again_with_the_configuration_that_it_had(sidecar: Sidecar) -> None:
    allow_foreign_addresses(sidecar)
    sidecar.start_and_wait()
    sidecar.write(configuration("aaaa", f"{FOREIGN_ADDRESS}:80"))
    sidecar.request("aaaa")
    wait_for(lambda: sidecar.generation() == "aaaa", "the new generation")
    wait_for(lambda: "aaaa" in good(sidecar), "it to count as good")
    sidecar.stop(signal.SIGKILL)
    assert (sidecar.run / "status.sock").exists()
    sidecar.start()
    wait_for(lambda: sidecar.generation() == "aaaa", "nginx to come back")
    assert "98" not in sidecar.log.read_text()


def good(sidecar: Sidecar) -> str:
    try:
        return (sidecar.run / "good.conf").read_text()
    except FileNotFoundError:
        return ""


def test_a_bad_file_found_at_the_start_gives_way_to_the_last_good_one(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    sidecar.write(configuration("aaaa"))
    sidecar.request("aaaa")
    wait_for(lambda: "aaaa" in good(sidecar), "it to count as good")
    sidecar.write("this is not a configuration")
    sidecar.stop(signal.SIGKILL)
    sidecar.start()
    wait_for(lambda: sidecar.generation() == "aaaa", "the good configuration")


def test_a_bad_file_found_at_the_first_start_gives_way_to_an_empty_one(sidecar: Sidecar) -> None:
    sidecar.run.mkdir()
    (sidecar.run / "nginx.conf").write_text("this is not a configuration")
    sidecar.start_and_wait()
    assert sidecar.generation() == "none"


def test_an_address_in_use_is_told_and_keeps_neither_a_reload_nor_a_restart_from_serving(sidecar: Sidecar) -> None:
    """`nginx -t` overlooks EADDRINUSE; nginx itself gives up after 2.5 s. Without care that is a restart loop."""
    sidecar.start_and_wait()
    with sidecar.squatter("127.0.0.1", 8080):
        sidecar.write(configuration("aaaa"))
        sidecar.request("aaaa")
        wait_for(lambda: "aaaa" in good(sidecar), "it to count as good")
        sidecar.write(configuration("taken", "127.0.0.1:8080"))
        sidecar.request("taken")
        wait_for(lambda: "still could not bind" in (sidecar.run / "emergency.log").read_text(), "nginx to give up")
        assert sidecar.generation() == "aaaa"
        sidecar.stop(signal.SIGKILL)
        sidecar.start()
        wait_for(lambda: sidecar.generation() == "aaaa", "the good configuration")
        assert sidecar.alive()


def test_many_requests_at_once_end_with_the_last_configuration_and_no_process_left(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()
    for number in range(20):
        sidecar.write(configuration(f"g{number}"))
        sidecar.request(f"g{number}")
    assert sidecar.wait_for_result("g19")["ok"] is True
    wait_for(lambda: sidecar.generation() == "g19", "the last generation")
    wait_for(lambda: len(children(sidecar.master())) == 2, "one worker and the loop alone")


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM])
def test_it_ends_by_itself_when_the_kubelet_asks(sidecar: Sidecar, number: signal.Signals) -> None:
    sidecar.start_and_wait()
    wait_for(lambda: workers(sidecar), "a worker")
    assert sidecar.stop(number, limit_s=10) == 0
    assert "[alert]" not in sidecar.log.read_text()


def test_the_agent_may_connect_to_the_status_socket(sidecar: Sidecar) -> None:
    sidecar.start_and_wait()

    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(sidecar.run / "status.sock"))

    sidecar.as_agent(connect)
