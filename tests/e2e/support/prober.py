"""Starts the probe programs as a client of the segment and turns what they print into timelines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

from tests.cluster.clients import Client
from tests.cluster.network import Address
from tests.cluster.paths import ROOT
from tests.e2e.support.timeline import Probe, Timeline

PING_INTERVAL_MS = 5.0
HTTP_INTERVAL_MS = 20.0
WHO_HAS_INTERVAL_MS = 50.0
PACKAGE = "tests.e2e.support"
END_S = 30.0


class Prober:
    """A running probe. `stop` ends it and gives its timeline; leaving a `with` block ends it too."""

    def __init__(self, client: Client, program: str, *arguments: object) -> None:
        command = [*client.prefix, sys.executable, "-m", f"{PACKAGE}.{program}", *map(str, arguments)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._timeline: Timeline | None = None
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "probing":
            raise RuntimeError(f"{program} did not start: {self._process.communicate(timeout=END_S)[1]}")

    def stop(self) -> Timeline:
        if self._timeline is None:
            output, errors = self._process.communicate(timeout=END_S)  # closes its standard input: it reports and ends
            if self._process.returncode:
                raise RuntimeError(f"the probe failed: {errors}")
            self._timeline = parse_report(output)
        return self._timeline

    def __enter__(self) -> Prober:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        elif self._process.poll() is None:
            self._process.kill()
            self._process.communicate(timeout=END_S)


def parse_report(output: str) -> Timeline:
    report = json.loads(output)
    probes = tuple(Probe(row["sent_ns"], row["answered_ns"], row["answer"]) for row in report["probes"])
    return Timeline(probes, report["interval_ns"], report["stopped_ns"])


def ping(client: Client, address: object, interval_ms: float = PING_INTERVAL_MS) -> Prober:
    return Prober(client, "probe_ping", address, interval_ms)


def http(client: Client, address: object, port: int = 80, interval_ms: float = HTTP_INTERVAL_MS) -> Prober:
    return Prober(client, "probe_http", address, port, interval_ms)


def who_has(client: Client, address: object, interval_ms: float = WHO_HAS_INTERVAL_MS) -> Prober:
    """Give it a client of its own, so that its questions teach nobody."""
    return Prober(client, "probe_who_has", address, interval_ms)


def several_owners(timeline: Timeline) -> Sequence[Probe]:
    """The questions of a `who_has` that more than one MAC address answered."""
    return [probe for probe in timeline.probes if "+" in probe.answer]


def fetch(client: Client, address: Address, port: int = 80) -> tuple[int, str]:
    """Status and body of one request; (0, "") where nobody answers."""
    host = f"[{address}]" if address.version == 6 else str(address)
    command = [*client.prefix, sys.executable, "-m", f"{PACKAGE}.fetch", f"http://{host}:{port}/"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=END_S)
    status, _, body = done.stdout.partition("\n")
    return int(status or 0), body.strip()
