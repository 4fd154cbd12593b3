"""The junk arrives where it shall: only the checksum of the advert is wrong."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest
from scapy.all import IP, Ether

from tests.bench.junk import junk_frame
from vipkeeper.vrrp.checksum import is_right, pseudo_header


@pytest.mark.parametrize("source", ["192.0.2.77", "192.0.2.1"])
def test_the_ip_header_is_right_and_the_advert_is_not(source: str) -> None:
    packet = Ether(junk_frame(source, 7))
    assert (packet.dst, packet.src) == ("01:00:5e:00:00:12", "02:00:00:00:00:99")
    header = packet[IP]
    assert (header.src, header.dst, header.ttl, header.proto, header.len) == (source, "224.0.0.18", 255, 112, 32)
    assert is_right(bytes(header)[:20])
    assert bytes(header)[20:24] == bytes((0x31, 7, 100, 1))
    message = bytes(header)[20:]
    assert not is_right(message)
    assert not is_right(pseudo_header(ip_address(source), ip_address("224.0.0.18"), len(message)) + message)


@pytest.mark.requires("cc")
def test_the_sender_compiles_without_a_warning(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    assert compiler is not None
    source = Path(__file__).parents[2] / "bench" / "junk_sender.c"
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-o", str(tmp_path / "sender"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
