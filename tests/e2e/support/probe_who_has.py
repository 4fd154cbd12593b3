"""`python -m tests.e2e.support.probe_who_has ADDRESS INTERVAL_MS`: asks the segment who has the address.

IPv4: ARP requests from a packet socket; IPv6: neighbour solicitations. Each question is broadcast (or goes to the
solicited-node group), so every owner answers it: two MAC addresses in one answer are two owners. The client's own
neighbour table takes no part.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from ipaddress import IPv4Address, IPv6Address, ip_address

from tests.e2e.support.probe_program import Beat
from tests.e2e.support.timeline import Probe

INTERFACE = "eth0"
ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
BROADCAST = b"\xff" * 6
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136


class WhoHas:
    def __init__(self, address: str, interval_ms: float) -> None:
        self._address = ip_address(address)
        self._mac = _own_mac()
        protocol = ETH_P_ARP if isinstance(self._address, IPv4Address) else ETH_P_IPV6
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        self._socket.bind((INTERFACE, protocol))
        self._socket.setblocking(False)
        self._question = _question(self._mac, self._address)
        self._rounds: list[tuple[int, dict[str, int]]] = []
        self.beat = Beat(interval_ms, self._ask)
        self.beat.selector.register(self._socket, 1, self._receive)

    def probes(self) -> list[Probe]:
        """One probe a round; its answer has all MAC addresses that answered before the next question, joined by `+`."""
        return [Probe(sent, min(macs.values(), default=None), "+".join(sorted(macs))) for sent, macs in self._rounds]

    def _ask(self) -> None:
        self._rounds.append((time.monotonic_ns(), {}))
        try:
            self._socket.send(self._question)
        except OSError:
            pass  # the link is down: nobody answers

    def _receive(self, _file: object, _events: int) -> None:
        while True:
            try:
                frame = self._socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            owner = (
                _arp_owner(frame, self._address)
                if self._address.version == 4
                else _advertised_owner(frame, self._address)
            )
            if owner and frame[:6] == self._mac and self._rounds:
                self._rounds[-1][1].setdefault(owner, time.monotonic_ns())


def _question(mac: bytes, target: IPv4Address | IPv6Address) -> bytes:
    return _arp_request(mac, target) if isinstance(target, IPv4Address) else _solicitation(mac, target)


def _own_mac() -> bytes:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as probe:
        probe.bind((INTERFACE, 0))
        return bytes(probe.getsockname()[4])


def _arp_request(mac: bytes, target: IPv4Address) -> bytes:
    """With sender address 0.0.0.0 (a probe, RFC 5227), which nobody learns from."""
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, bytes(4), bytes(6), target.packed)
    return BROADCAST + mac + struct.pack("!H", ETH_P_ARP) + arp


def _arp_owner(frame: bytes, target: object) -> str | None:
    operation, sender_mac, sender = struct.unpack("!H6s4s", frame[20:32])
    if operation == 2 and IPv4Address(sender) == target:
        return sender_mac.hex(":")
    return None


def _solicitation(mac: bytes, target: IPv6Address) -> bytes:
    """From our link-local-like address, which every answer needs; the answer is unicast to our MAC address."""
    group = b"\xff\x02" + bytes(9) + b"\x01\xff" + target.packed[-3:]
    source = _link_local(mac)
    body = struct.pack("!BBHI", NEIGHBOUR_SOLICITATION, 0, 0, 0) + target.packed + b"\x01\x01" + mac
    pseudo = source + group + struct.pack("!II", len(body), socket.IPPROTO_ICMPV6)
    body = body[:2] + struct.pack("!H", _checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), socket.IPPROTO_ICMPV6, 255) + source + group
    return b"\x33\x33" + group[-4:] + mac + struct.pack("!H", ETH_P_IPV6) + header + body


def _link_local(mac: bytes) -> bytes:
    return b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]


def _advertised_owner(frame: bytes, target: object) -> str | None:
    is_advertisement = len(frame) >= 78 and frame[20] == socket.IPPROTO_ICMPV6 and frame[54] == NEIGHBOUR_ADVERTISEMENT
    if is_advertisement and IPv6Address(frame[62:78]) == target:
        return frame[6:12].hex(":")
    return None


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def main() -> None:
    who_has = WhoHas(sys.argv[1], float(sys.argv[2]))
    who_has.beat.run()
    who_has.beat.report(who_has.probes())


if __name__ == "__main__":
    main()
