"""nftables as bytes: one transaction that makes our table as it shall be. Pure: no socket here.

The table drops what is addressed to given addresses of this host, and lets neighbour discovery pass. As `nft` shows it:

    table inet vipkeeper-default-4711 { # progname ... owned by the socket that made it
        set ipv4 { type ipv4_addr; elements = { 192.0.2.10 } }
        set ipv6 { type ipv6_addr; elements = { 2001:db8::10 } }
        chain input {
            type filter hook input priority filter; policy accept;
            ip daddr @ipv4 drop
            meta nfproto ipv6 icmpv6 type 135-136 accept
            ip6 daddr @ipv6 drop
        }
    }

Layouts: linux/netlink.h, netfilter/nfnetlink.h, netfilter/nf_tables.h. Headers are in the byte order of the machine,
what is in attributes in that of the network.

Tests: tests/netns/test_accept_mode.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from vipkeeper.engine.netlink_codec import AF_INET, AF_INET6, NLM_F_CREATE, NLM_F_REQUEST, NLMSG_ERROR, IPAddress
from vipkeeper.engine.netlink_frames import attribute, message, messages

_BATCH_BEGIN, _BATCH_END, _SUBSYSTEM = 0x10, 0x11, 10
_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE, _NEWSET, _NEWSETELEM = 0, 2, 3, 6, 9, 12
_NLM_F_ACK, _NLM_F_APPEND, _NLA_F_NESTED = 0x4, 0x800, 0x8000
_INET = 1
_LOCAL_IN, _PRIORITY_FILTER = 1, 0
_TABLE_OWNER = 0x2
_DROP, _ACCEPT = 0, 1
_REG_VERDICT, _REG = 0, 1
_META_NFPROTO, _META_L4PROTO = 15, 16
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_EQ, _LTE, _GTE = 0, 3, 5
_ICMPV6, _NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT = 58, 135, 136
_CHAIN = "input"
_SETS = {4: "ipv4", 6: "ipv6"}
_KEY_TYPES = {4: (7, 4), 6: (8, 16)}
"""What nft calls ipv4_addr and ipv6_addr, and their lengths."""
_DESTINATION_AT = {4: 16, 6: 24}

_ELEMENTS_AT_ONCE = 500


def replace_table(table: str, addresses: Iterable[IPAddress], *, exists: bool) -> bytes:
    """All or nothing: the table of before is gone and this one is there. Without addresses there is none."""
    by_version: dict[int, list[bytes]] = {4: [], 6: []}
    for address in sorted(addresses, key=lambda item: (item.version, int(item))):
        by_version[address.version].append(address.packed)
    messages = [_delete(table)] if exists else []
    if any(by_version.values()):
        messages += _create(table, by_version)
    begin = _message(_BATCH_BEGIN, 0, b"", subsystem=0, resource=_SUBSYSTEM)
    return b"".join([begin, *messages, _message(_BATCH_END, 0, b"", subsystem=0, resource=_SUBSYSTEM)])


def errors(data: bytes) -> Iterator[int]:
    """The errno of each answer in `data`; 0: done."""
    for kind, _sequence, body in messages(data):
        if kind == NLMSG_ERROR and len(body) >= 4:
            yield -struct.unpack_from("=i", body)[0]


def _delete(table: str) -> bytes:
    return _message(_DELTABLE, 0, _text(1, table))


def _create(table: str, by_version: dict[int, list[bytes]]) -> Iterator[bytes]:
    yield _message(_NEWTABLE, NLM_F_CREATE, _text(1, table) + _number(2, _TABLE_OWNER))
    hook = _nested(4, _number(1, _LOCAL_IN) + _number(2, _PRIORITY_FILTER))
    chain = _text(1, table) + _text(3, _CHAIN) + hook + _number(5, _ACCEPT) + _text(7, "filter")
    yield _message(_NEWCHAIN, NLM_F_CREATE, chain)
    for version, packed in by_version.items():
        key_type, key_length = _KEY_TYPES[version]
        name = _text(1, table) + _text(2, _SETS[version])
        yield _message(
            _NEWSET, NLM_F_CREATE, name + _number(4, key_type) + _number(5, key_length) + _number(10, version)
        )
        for start in range(0, len(packed), _ELEMENTS_AT_ONCE):
            elements = b"".join(
                _nested(1, _nested(1, attribute(1, item))) for item in packed[start : start + _ELEMENTS_AT_ONCE]
            )
            yield _message(_NEWSETELEM, NLM_F_CREATE, name + _nested(3, elements) + _number(4, version))
    yield _rule(table, *_is_version(4), *_to_ours(4), _verdict(_DROP))
    yield _rule(table, *_is_version(6), *_is_neighbour_discovery(), _verdict(_ACCEPT))
    yield _rule(table, *_is_version(6), *_to_ours(6), _verdict(_DROP))


def _rule(table: str, *expressions: bytes) -> bytes:
    content = _text(1, table) + _text(2, _CHAIN) + _nested(4, b"".join(expressions))
    return _message(_NEWRULE, NLM_F_CREATE | _NLM_F_APPEND, content)


def _is_version(version: int) -> tuple[bytes, ...]:
    protocol = AF_INET if version == 4 else AF_INET6
    return _meta(_META_NFPROTO), _compare(_EQ, protocol)


def _is_neighbour_discovery() -> tuple[bytes, ...]:
    """RFC 9568 §6.1: solicitations and advertisements of neighbours MUST NOT be dropped."""
    return (
        _meta(_META_L4PROTO),
        _compare(_EQ, _ICMPV6),
        _payload(_TRANSPORT_HEADER, 0, 1),
        _compare(_GTE, _NEIGHBOUR_SOLICITATION),
        _compare(_LTE, _NEIGHBOUR_ADVERTISEMENT),
    )


def _to_ours(version: int) -> tuple[bytes, ...]:
    lookup = _text(1, _SETS[version]) + _number(2, _REG) + _number(4, version)
    return _payload(_NETWORK_HEADER, _DESTINATION_AT[version], _KEY_TYPES[version][1]), _expression("lookup", lookup)


def _meta(key: int) -> bytes:
    return _expression("meta", _number(2, key) + _number(1, _REG))


def _compare(operation: int, byte: int) -> bytes:
    value = _nested(3, attribute(1, bytes((byte,))))
    return _expression("cmp", _number(1, _REG) + _number(2, operation) + value)


def _payload(base: int, offset: int, length: int) -> bytes:
    return _expression("payload", _number(1, _REG) + _number(2, base) + _number(3, offset) + _number(4, length))


def _verdict(code: int) -> bytes:
    value = _nested(2, _nested(2, _number(1, code)))
    return _expression("immediate", _number(1, _REG_VERDICT) + value)


def _expression(name: str, data: bytes) -> bytes:
    return _nested(1, _text(1, name) + _nested(2, data))


def _message(kind: int, flags: int, content: bytes, *, subsystem: int = _SUBSYSTEM, resource: int = 0) -> bytes:
    family = _INET if subsystem else 0
    body = struct.pack("!BBH", family, 0, resource) + content
    ack = _NLM_F_ACK if subsystem else 0
    return message(subsystem << 8 | kind, NLM_F_REQUEST | ack | flags, body)


def _text(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!I", value))


def _nested(kind: int, content: bytes) -> bytes:
    return attribute(kind | _NLA_F_NESTED, content)
