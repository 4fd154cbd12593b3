"""Rules of a VirtualIP that a plain schema can't say, each written twice and told once.

The CEL text goes into the CRD, so that `kubectl apply` refuses at once; the Python check does the same for us, who
never trust that it happened. Both give the same message, which names what is wrong and what to write instead.
CEL's `ip()` refuses zones and IPv4-mapped IPv6 addresses; so do we.

The checks look at the raw value and pass over what has the wrong shape: that is told by the types (`parse.py`), so
that a user sees all problems of an object at once. Rules without CEL text (a subnet's broadcast address, a server
that calls itself, ...) are beyond it or too dear for it: these show in `Accepted=False`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    NetmaskValueError,
    ip_address,
    ip_network,
)
from typing import Any

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.spec.names import NAME_MAX_LENGTH, NAME_PATTERN, is_virtualip_name

INTERVAL_PATTERN = r"^([0-9]{1,6}ms|[0-9]{1,3}(\.[0-9]{1,2})?s)$"
DURATION_PATTERN = r"^([0-9]{1,6}ms|[0-9]{1,3}(\.[0-9]{1,3})?s)$"
HTTP_PATH_PATTERN = r"^/[!-~]*$"
"""As it stands in a request line: no space, nothing that is not ASCII."""
NAMESPACE_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
LABEL_KEY_PATTERN = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
)
UNUSABLE_NETWORKS = (IPv4Network("0.0.0.0/8"), IPv4Network("240.0.0.0/4"))
"""This network, and the reserved class E with the broadcast address."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `message` follows the path of the field."""

    message: str
    cel: str | None = None
    """On the field itself (`self`). None: told by the controller only."""
    tells_value: bool = False
    """The field is a text: put it before the message (the API server would only write "string")."""
    field: str = ""
    """Where the rule needs more than its field it stands on an object around that; then this is the way to the field."""

    def to_cel(self) -> dict[str, str]:
        if self.cel is None:
            raise ValueError(f"no CEL for: {self.message}")
        validation = {"rule": self.cel, "message": self.message}
        value = f"self.{self.field}" if self.field else "self"
        if self.field:
            validation["fieldPath"] = f".{self.field}"
        if self.tells_value:
            validation["messageExpression"] = f"{value} + ' {self.message.replace(chr(39), chr(92) + chr(39))}'"
        return validation


def _on_address(test: str) -> str:
    """CEL: `test` on the address of an item of spec.addresses, in which it is written ADDRESS; true for what is none."""
    return (
        f"isIP(self) ? {test.replace('ADDRESS', 'ip(self)')} : "
        f"isCIDR(self) ? {test.replace('ADDRESS', 'cidr(self).ip()')} : true"
    )


_BARE = "(isCIDR({0}) ? cidr({0}).ip() : ip({0}))"

NAME = Rule(
    f"metadata.name must be a DNS label of at most {NAME_MAX_LENGTH} characters (a-z, 0-9, -), because names of other objects are made from it",
    f"self.metadata.name.size() <= {NAME_MAX_LENGTH} && self.metadata.name.matches('{NAME_PATTERN}')",
)
ADDRESS = Rule(
    "is not an IP address, with or without prefix length: write e.g. 192.0.2.10, 192.0.2.10/24 or 2001:db8::10 "
    "(no zone, no IPv4-mapped IPv6 address, no leading zeros)",
    "isIP(self) || isCIDR(self)",
    tells_value=True,
)
ADDRESS_USABLE = Rule(
    "can't be a virtual address: it is unspecified, loopback, multicast, broadcast, reserved or IPv4 link-local",
    _on_address(
        "(ADDRESS.isGlobalUnicast() || ADDRESS.family() == 6 && ADDRESS.isLinkLocalUnicast())"
        " && !cidr('0.0.0.0/8').containsIP(ADDRESS) && !cidr('240.0.0.0/4').containsIP(ADDRESS)"
    ),
    tells_value=True,
)
ADDRESS_NOT_NETWORK = Rule(
    "is the address of the subnet itself: write a host's address, with the prefix length of its subnet or without one"
)
ADDRESS_NOT_BROADCAST = Rule("is the broadcast address of its subnet: write a host's address")
ADDRESSES_UNIQUE = Rule(
    "has the same address twice: write each once",
    f"!self.all(a, isIP(a) || isCIDR(a)) || self.all(a, self.exists_one(b, {_BARE.format('a')} == {_BARE.format('b')}))",
)
INTERFACE = Rule(
    "can't be the loopback interface: nobody would hear the advertisements; name one of the node's network interfaces",
    "!(self in ['lo', '.', '..'])",
    tells_value=True,
)
INTERVAL_TEXT = Rule(
    "is not a duration of whole centiseconds: write e.g. 250ms, 1s or 1.25s",
    f"self.matches('{INTERVAL_PATTERN.replace(chr(92), chr(92) * 2)}')",
    tells_value=True,
)
_IS_INTERVAL = f"!{INTERVAL_TEXT.cel} || "
_OF_INTERVAL = "!has(self.advertisementInterval) || " + _IS_INTERVAL.replace("self", "self.advertisementInterval")
INTERVAL_BOUNDS = Rule(
    "must be 10ms to 40.95s, because VRRP has twelve bits for it",
    _OF_INTERVAL + "has(self.version) && self.version == 2 || "
    "duration(self.advertisementInterval) >= duration('10ms') && "
    "duration(self.advertisementInterval) <= duration('40950ms')",
    tells_value=True,
    field="advertisementInterval",
)
INTERVAL_BOUNDS_V2 = Rule(
    "must be 1s to 255s in whole seconds, because version 2 has one byte for it",
    _OF_INTERVAL + "!has(self.version) || self.version != 2 || "
    "duration(self.advertisementInterval) >= duration('1s') && "
    "duration(self.advertisementInterval) <= duration('255s') && "
    "duration(self.advertisementInterval).getMilliseconds() % 1000 == 0",
    tells_value=True,
    field="advertisementInterval",
)
INTERVAL_STEP = Rule(
    "must be a multiple of 10ms, because VRRP counts in centiseconds",
    _IS_INTERVAL + "duration(self).getMilliseconds() % 10 == 0",
    tells_value=True,
)
EXPRESSION_VALUES = Rule(
    "needs `values` with operator In or NotIn, and none with Exists or DoesNotExist",
    "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
)
LABEL_KEYS = Rule(
    "has a key that can't be a label's: write e.g. zone or example.com/zone",
    f"self.all(key, size(key) <= 317 && key.matches('{LABEL_KEY_PATTERN.replace(chr(92), chr(92) * 2)}'))",
)
TOLERATION = Rule(
    "needs a `key` with operator Equal, and no `value` with operator Exists",
    "has(self.operator) && self.operator == 'Exists' ? !has(self.value) : has(self.key)",
)
PRIORITY_TARGET = Rule("needs exactly one of `name` and `selector`", "has(self.name) != has(self.selector)")
PRIORITY_NAMES_UNIQUE = Rule("names a node that an entry before it names: the first one counts, so remove this one")
DURATION_TEXT = Rule(
    "is not a duration: write e.g. 500ms, 1s or 1.5s",
    f"self.matches('{DURATION_PATTERN.replace(chr(92), chr(92) * 2)}')",
    tells_value=True,
)
_IS_DURATION = f"!{DURATION_TEXT.cel} || "
PREEMPT_DELAY_BOUNDS = Rule(
    "must be 0s to 900s",
    _IS_DURATION + "duration(self) <= duration('900s')",
    tells_value=True,
)
PREEMPT_DELAY_NEEDS_PREEMPT = Rule(
    "has a `preemptDelay` with `preempt: false`: there is nothing to delay; leave one of them out",
    "!has(self.preempt) || self.preempt || !has(self.preemptDelay) || "
    + _IS_DURATION.replace("self", "self.preemptDelay")
    + "duration(self.preemptDelay) == duration('0s')",
)
AUTHENTICATION = Rule("needs exactly one of `pass` and `hmac`", "has(self.pass) != has(self.hmac)")
SECRET_SOURCE = Rule(
    "needs exactly one of `secretRef` (in a cluster) and `file` (for `vipkeeper run`)",
    "has(self.secretRef) != has(self.file)",
)
MAX_SECRET_PLACE = 187
"""Namespace and name, so that with a key of 63 a reference (`secrets.reference_of`) is one of 253, the most that a key in
a Secret may have."""
SECRET_PLACE_LENGTH = Rule(
    f"has a `namespace` and a `name` of more than {MAX_SECRET_PLACE} characters together: choose shorter ones",
    f"!has(self.namespace) || size(self.namespace) + size(self.name) <= {MAX_SECRET_PLACE}",
)
PASS_NEEDS_VERSION_2 = Rule(
    "needs version 2: version 3 has no passwords; write `hmac`, or leave it out",
    "!has(self.authentication) || !has(self.authentication.pass) || has(self.version) && self.version == 2",
    field="authentication.pass",
)
HMAC_KEY_IDS_UNIQUE = Rule(
    "has the same id twice: give each key its own", "self.all(a, self.exists_one(b, a.id == b.id))"
)
HMAC_ACTIVE_KEY = Rule(
    "is not the id of one of `keys`",
    "!has(self.activeKey) || self.keys.exists(key, key.id == self.activeKey)",
    field="activeKey",
)
REPLAY_WINDOW_BOUNDS = Rule(
    "must be 1s to 900s",
    _IS_DURATION + "duration(self) >= duration('1s') && duration(self) <= duration('900s')",
    tells_value=True,
)
_ELECTS_IPV4 = (
    "isIP(self.addresses[0]) && ip(self.addresses[0]).family() == 4 || "
    "isCIDR(self.addresses[0]) && cidr(self.addresses[0]).ip().family() == 4"
)
INSTALL_PREFIX_NEEDS_PREFIX = Rule(
    "needs a prefix length with every address: write e.g. 192.0.2.10/24",
    "!has(self.installPrefix) || !self.installPrefix || self.addresses.all(a, a.contains('/'))",
    field="installPrefix",
)
VERSION_2_NEEDS_IPV4 = Rule(
    "2 needs an IPv4 address in front, because the first address holds the election and version 2 knows IPv4 only",
    f"!has(self.vrrp) || !has(self.vrrp.version) || self.vrrp.version != 2 || {_ELECTS_IPV4}",
    field="vrrp.version",
)
MESSAGE_ONLY_NEEDS_IPV4 = Rule(
    "MessageOnly needs version 3 and an IPv4 address in front, which holds the election: version 2 and IPv6 have one "
    "form only, so leave it out",
    "!has(self.vrrp) || !has(self.vrrp.checksum) || self.vrrp.checksum != 'MessageOnly' || "
    f"(!has(self.vrrp.version) || self.vrrp.version != 2) && ({_ELECTS_IPV4})",
    field="vrrp.checksum",
)
NO_NGINX_WITHOUT_ACCEPT = Rule(
    "false drops what clients send to the addresses, so nginx would never hear them: leave one of the two out",
    "!has(self.nginx) || !has(self.vrrp) || !has(self.vrrp.acceptMode) || self.vrrp.acceptMode",
    field="vrrp.acceptMode",
)
SEPARATE_NEEDS_VERSION_3 = Rule(
    "Separate with an IPv6 address needs version 3: version 2 knows IPv4 only",
    "!has(self.vrrp) || !has(self.vrrp.families) || self.vrrp.families != 'Separate' || !has(self.vrrp.version) || "
    "self.vrrp.version != 2 || !self.addresses.exists(a, a.contains(':'))",
    field="vrrp.families",
)
_FAMILIES = "(has({0}.vrrp) && has({0}.vrrp.families) ? {0}.vrrp.families : 'Together')"
FAMILIES_FIXED = Rule(
    "can't be changed: nodes that have heard of it and nodes that have not would both hold addresses; delete the object "
    "and make it anew",
    f"{_FAMILIES.format('self')} == {_FAMILIES.format('oldSelf')}",
    field="vrrp.families",
)
MIN_TTL_NEEDS_UNICAST = Rule(
    "needs `transport: Unicast`: what comes by multicast has a TTL of 255, or somebody has forwarded it",
    "!has(self.minTTL) || self.minTTL == 255 || has(self.transport) && self.transport == 'Unicast'",
    field="minTTL",
)
VIRTUAL_MAC_NEEDS_MULTICAST = Rule(
    "needs `transport: Multicast`: the advertisements to everybody tell the switches where the MAC address is now",
    "!has(self.virtualMAC) || !self.virtualMAC || !has(self.transport) || self.transport != 'Unicast'",
    field="virtualMAC",
)
CHECK_INTERVAL_BOUNDS = Rule(
    "must be 100ms to 300s",
    _IS_DURATION + "duration(self) >= duration('100ms') && duration(self) <= duration('300s')",
    tells_value=True,
)
CHECK_TIMEOUT_BOUNDS = Rule(
    "must be 10ms to 60s",
    _IS_DURATION + "duration(self) >= duration('10ms') && duration(self) <= duration('60s')",
    tells_value=True,
)
CHECK_HOST = Rule(
    "is not an IP address that can be checked: write a unicast address without port and zone, as a rule 127.0.0.1",
    "isIP(self) && (ip(self).isGlobalUnicast() || ip(self).isLoopback())",
    tells_value=True,
)
CHECKS_NEEDED = Rule(
    "has no check, and there is no nginx to watch: give at least one in `http` or `tcp`, or a `podSelector`, or leave it "
    "out",
    "!has(self.health) || has(self.nginx) || has(self.health.podSelector) || "
    "has(self.health.http) && size(self.health.http) > 0 || "
    "has(self.health.tcp) && size(self.health.tcp) > 0",
    field="health",
)
POD_SELECTOR_EMPTY = Rule(
    "selects every pod of its namespace: give at least one label in `matchLabels` or condition in `matchExpressions`",
    "has(self.matchLabels) && size(self.matchLabels) > 0 || "
    "has(self.matchExpressions) && size(self.matchExpressions) > 0",
)
CHECK_NOT_OURSELVES = Rule(
    "is a virtual address of this object: on a Backup that would check the Active's server; check the server on "
    "127.0.0.1, or on an address of the node"
)


def check_name(name: object) -> Iterator[str]:
    if not isinstance(name, str) or not is_virtualip_name(name):
        yield f"metadata.name: {name!r} {NAME.message.removeprefix('metadata.name ')}"


def check_spec(spec: object) -> Iterator[str]:
    """Every broken rule of a raw spec, as `path: reason`."""
    fields = mapping(spec)
    yield from _check_addresses(fields.get("addresses"))
    if fields.get("interface") in ("lo", ".", ".."):
        yield f"spec.interface: {fields['interface']} {INTERFACE.message}"
    yield from _check_nodes(mapping(fields.get("nodes")))
    texts = [text for text in items(fields.get("addresses")) if isinstance(text, str)]
    if fields.get("installPrefix") is True and not all("/" in text for text in texts):
        yield f"spec.installPrefix: {INSTALL_PREFIX_NEEDS_PREFIX.message}"
    vrrp = mapping(fields.get("vrrp"))
    yield from _check_vrrp(vrrp, items(fields.get("addresses"))[:1])
    if vrrp.get("families") == "Separate" and vrrp.get("version") == 2 and any(":" in text for text in texts):
        yield f"spec.vrrp.families: {SEPARATE_NEEDS_VERSION_3.message}"
    if fields.get("nginx") is not None and vrrp.get("acceptMode") is False:
        yield f"spec.vrrp.acceptMode: {NO_NGINX_WITHOUT_ACCEPT.message}"
    health = fields.get("health")
    checks = [*map(mapping(health).get, ("http", "tcp", "podSelector"))]
    if (
        isinstance(health, Mapping)
        and fields.get("nginx") is None
        and not any(item not in (None, []) for item in checks)
    ):
        yield f"spec.health: {CHECKS_NEEDED.message}"
    yield from _check_health(health, good_addresses(fields.get("addresses")))


def parse_address(text: str) -> tuple[IPAddress, int | None] | None:
    """An item of spec.addresses: the address and its prefix length, or None for what CEL's ip() and cidr() refuse."""
    bare, slash, prefix = text.partition("/")
    address = parse_ip(bare)
    if address is None:
        return None
    if not slash:
        return address, None
    if re.fullmatch(r"0|[1-9][0-9]{0,2}", prefix, re.ASCII) is None or int(prefix) > address.max_prefixlen:
        return None
    return address, int(prefix)


def parse_ip(text: str) -> IPAddress | None:
    """As CEL's ip(): no zone, no IPv4-mapped IPv6 address."""
    try:
        address = ip_address(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address.ipv4_mapped is not None):
        return None
    return address


def parse_interval_us(text: str) -> int | None:
    """Microseconds of an advertisement interval; None for what is none."""
    return _parse_us(text, INTERVAL_PATTERN)


def parse_duration_us(text: str) -> int | None:
    """Microseconds of a check's duration; None for what is none."""
    return _parse_us(text, DURATION_PATTERN)


def _parse_us(text: str, pattern: str) -> int | None:
    if re.fullmatch(pattern, text, re.ASCII) is None:
        return None
    scale, digits = (1_000, text[:-2]) if text.endswith("ms") else (1_000_000, text[:-1])
    return int(Decimal(digits) * scale)


def _check_addresses(addresses: object) -> Iterator[str]:
    for index, text in enumerate(items(addresses)):
        if isinstance(text, str):
            yield from (f"spec.addresses[{index}]: {text} {rule.message}" for rule in _broken_by_address(text))
    counts = Counter(good_addresses(addresses))
    if repeated := [str(address) for address, count in counts.items() if count > 1]:
        yield f"spec.addresses: {ADDRESSES_UNIQUE.message} ({', '.join(repeated)})"


def _broken_by_address(text: str) -> Iterator[Rule]:
    parsed = parse_address(text)
    if parsed is None:
        yield ADDRESS
        return
    address, prefix_length = parsed
    if not _is_usable(address):
        yield ADDRESS_USABLE
    elif prefix_length is not None and prefix_length < address.max_prefixlen - 1:
        network = ip_network((address, prefix_length), strict=False)
        if prefix_length == 0 or address == network.network_address:
            yield ADDRESS_NOT_NETWORK
        elif isinstance(network, IPv4Network) and address == network.broadcast_address:
            yield ADDRESS_NOT_BROADCAST


def _is_usable(address: IPAddress) -> bool:
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not address.is_link_local and not any(address in network for network in UNUSABLE_NETWORKS)
    return True


def can_be_called(address: IPAddress) -> bool:
    """Without a zone, from this node."""
    return address.is_loopback or (_is_usable(address) and not address.is_link_local)


def good_addresses(addresses: object) -> list[IPAddress]:
    parsed = (parse_address(text) for text in items(addresses) if isinstance(text, str))
    return [item[0] for item in parsed if item is not None]


def _check_nodes(nodes: Mapping[str, Any]) -> Iterator[str]:
    yield from _check_selector(nodes.get("selector"), "spec.nodes.selector")
    for index, toleration in enumerate(objects(nodes.get("tolerations"))):
        exists = toleration.get("operator") == "Exists"
        if toleration.get("value") is not None if exists else toleration.get("key") is None:
            yield f"spec.nodes.tolerations[{index}]: {TOLERATION.message}"
    names: set[str] = set()
    for index, entry in enumerate(objects(nodes.get("priorities"))):
        path = f"spec.nodes.priorities[{index}]"
        name = entry.get("name")
        if (name is None) == (entry.get("selector") is None):
            yield f"{path}: {PRIORITY_TARGET.message}"
        if isinstance(name, str):
            if name in names:
                yield f"{path}: {PRIORITY_NAMES_UNIQUE.message}"
            names.add(name)
        yield from _check_selector(entry.get("selector"), f"{path}.selector")


def _check_selector(selector: object, path: str) -> Iterator[str]:
    fields = mapping(selector)
    if not all(_is_label_key(key) for key in mapping(fields.get("matchLabels"))):
        yield f"{path}.matchLabels: {LABEL_KEYS.message}"
    for index, expression in enumerate(objects(fields.get("matchExpressions"))):
        if (expression.get("operator") in ("In", "NotIn")) != bool(expression.get("values")):
            yield f"{path}.matchExpressions[{index}]: {EXPRESSION_VALUES.message}"


def _is_label_key(key: object) -> bool:
    return isinstance(key, str) and len(key) <= 317 and re.fullmatch(LABEL_KEY_PATTERN, key) is not None


def _check_vrrp(vrrp: Mapping[str, Any], first_address: list[Any]) -> Iterator[str]:
    version_2 = vrrp.get("version") == 2
    yield from _check_interval(vrrp.get("advertisementInterval"), version_2)
    yield from _check_authentication(vrrp.get("authentication"), version_2)
    delay = vrrp.get("preemptDelay")
    yield from _check_duration(delay, "spec.vrrp.preemptDelay", PREEMPT_DELAY_BOUNDS, 0, 900_000)
    if vrrp.get("preempt") is False and isinstance(delay, str) and parse_duration_us(delay):
        yield f"spec.vrrp: {PREEMPT_DELAY_NEEDS_PREEMPT.message}"
    if vrrp.get("minTTL", 255) != 255 and vrrp.get("transport") != "Unicast":
        yield f"spec.vrrp.minTTL: {MIN_TTL_NEEDS_UNICAST.message}"
    elects_ipv6 = any(address.version == 6 for address in good_addresses(first_address))
    if vrrp.get("virtualMAC") is True and vrrp.get("transport") == "Unicast":
        yield f"spec.vrrp.virtualMAC: {VIRTUAL_MAC_NEEDS_MULTICAST.message}"
    if elects_ipv6 and version_2:
        yield f"spec.vrrp.version: {VERSION_2_NEEDS_IPV4.message}"
    if (elects_ipv6 or version_2) and vrrp.get("checksum") == "MessageOnly":
        yield f"spec.vrrp.checksum: {MESSAGE_ONLY_NEEDS_IPV4.message}"


def _check_authentication(value: object, version_2: bool) -> Iterator[str]:
    path = "spec.vrrp.authentication"
    if not isinstance(value, Mapping):
        return
    if (value.get("pass") is None) == (value.get("hmac") is None):
        yield f"{path}: {AUTHENTICATION.message}"
    if value.get("pass") is not None and not version_2:
        yield f"{path}.pass: {PASS_NEEDS_VERSION_2.message}"
    yield from check_secret_source(value.get("pass"), f"{path}.pass")
    hmac = mapping(value.get("hmac"))
    keys = objects(hmac.get("keys"))
    for index, key in enumerate(keys):
        yield from check_secret_source(key, f"{path}.hmac.keys[{index}]")
    ids = Counter(key_id for key in keys if isinstance(key_id := key.get("id"), int))
    if repeated := [str(key_id) for key_id, count in ids.items() if count > 1]:
        yield f"{path}.hmac.keys: {HMAC_KEY_IDS_UNIQUE.message} ({', '.join(repeated)})"
    active = hmac.get("activeKey")
    if isinstance(active, int) and active not in ids:
        yield f"{path}.hmac.activeKey: {active} {HMAC_ACTIVE_KEY.message}"
    yield from _check_duration(
        hmac.get("replayWindow"), f"{path}.hmac.replayWindow", REPLAY_WINDOW_BOUNDS, 1_000, 900_000
    )


def check_secret_source(value: object, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    reference = value.get("secretRef")
    if (reference is None) == (value.get("file") is None):
        yield f"{path}: {SECRET_SOURCE.message}"
    place = [reference.get("namespace"), reference.get("name")] if isinstance(reference, Mapping) else []
    lengths = [len(part) for part in place if isinstance(part, str)]
    if len(lengths) == 2 and sum(lengths) > MAX_SECRET_PLACE:
        yield f"{path}.secretRef: {SECRET_PLACE_LENGTH.message}"


def _check_interval(text: object, version_2: bool) -> Iterator[str]:
    if not isinstance(text, str):
        return
    interval_us = parse_interval_us(text)
    path = f"spec.vrrp.advertisementInterval: {text}"
    if interval_us is None:
        yield f"{path} {INTERVAL_TEXT.message}"
        return
    if version_2 and (interval_us % 1_000_000 or not 1_000_000 <= interval_us <= 255_000_000):
        yield f"{path} {INTERVAL_BOUNDS_V2.message}"
    if not version_2 and not 10_000 <= interval_us <= 40_950_000:
        yield f"{path} {INTERVAL_BOUNDS.message}"
    if interval_us % 10_000:
        yield f"{path} {INTERVAL_STEP.message}"


def _check_health(health: object, addresses: list[IPAddress]) -> Iterator[str]:
    selector = mapping(health).get("podSelector")
    if isinstance(selector, Mapping):
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield f"spec.health.podSelector: {POD_SELECTOR_EMPTY.message}"
        yield from _check_selector(selector, "spec.health.podSelector")
    for kind in ("http", "tcp"):
        for index, check in enumerate(objects(mapping(health).get(kind))):
            path = f"spec.health.{kind}[{index}]"
            yield from _check_host(check.get("host"), f"{path}.host", addresses)
            yield from _check_duration(check.get("interval"), f"{path}.interval", CHECK_INTERVAL_BOUNDS, 100, 300_000)
            yield from _check_duration(check.get("timeout"), f"{path}.timeout", CHECK_TIMEOUT_BOUNDS, 10, 60_000)


def _check_host(text: object, path: str, addresses: list[IPAddress]) -> Iterator[str]:
    if not isinstance(text, str):
        return
    address = parse_ip(text)
    if address is None or not can_be_called(address):
        yield f"{path}: {text} {CHECK_HOST.message}"
    elif address in addresses:
        yield f"{path}: {text} {CHECK_NOT_OURSELVES.message}"


def _check_duration(text: object, path: str, bounds: Rule, low_ms: int, high_ms: int) -> Iterator[str]:
    if not isinstance(text, str):
        return
    duration_us = parse_duration_us(text)
    if duration_us is None:
        yield f"{path}: {text} {DURATION_TEXT.message}"
    elif not low_ms * 1000 <= duration_us <= high_ms * 1000:
        yield f"{path}: {text} {bounds.message}"


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def objects(value: object) -> list[Mapping[str, Any]]:
    """Members of a list that are objects, each at its own index: what is none is passed as an empty one."""
    return [mapping(item) for item in items(value)]
