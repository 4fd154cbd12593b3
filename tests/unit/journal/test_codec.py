"""Everything that a core knows or says passes through the journal, but for secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from tests.unit.journal.samples import CONFIG, ONE, TWO, VIP, advert
from vipkeeper.journal.codec import Encoder, decode
from vipkeeper.journal.ring import MEMBERS, state_of
from vipkeeper.vrrp.actions import StateChanged
from vipkeeper.vrrp.advert import Remark, Version
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.events import AdvertReceived, ConfigChanged, FaultsChanged, Startup
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import Fault, Reason, State
from vipkeeper.vrrp.transport import Unicast


def through_json(value: Any) -> Any:
    return decode(json.loads(json.dumps(Encoder().encode(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**62),
        "text",
        IPv4Address("192.0.2.1"),
        IPv6Address("2001:db8::1"),
        (1, ("a", None)),
        frozenset({"NginxGone"}),
        Startup(),
        Startup(12),
        FaultsChanged(frozenset({Fault.LINK_DOWN, Fault.NO_SOURCE_ADDRESS})),
        AdvertReceived(advert()),
        StateChanged(State.BACKUP, State.ACTIVE, Reason.NO_RESPONSE),
        ConfigChanged(replace(CONFIG, transport=Unicast(frozenset({TWO})), companion_addresses=(IPv6Address("::5"),))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_come_back_as_they_were_and_of_their_own_type(value: object) -> None:
    found = through_json(value)
    assert found == value
    assert type(found) is type(value)


def test_every_member_of_a_core_can_be_read_back() -> None:
    """A member of a kind that the codec does not know would make journals that can't be replayed."""
    core = VirtualRouter(CONFIG, ONE)
    core.handle(Startup(), 0)
    core.handle(AdvertReceived(advert()), 1)
    state = state_of(core)
    assert through_json(state) == state
    assert {"config", "state", "deadline_ns", "active_address"} < set(MEMBERS)


def test_remarks_come_back_though_they_do_not_count_when_adverts_are_compared() -> None:
    odd = replace(advert(), remarks=frozenset({Remark.OTHER_INTERVAL}))
    assert through_json(odd).remarks == odd.remarks


def test_no_secret_comes_out_and_equal_ones_stay_equal() -> None:
    encoder = Encoder()
    first, second, third = (
        replace(CONFIG, version=Version.V2, password=SimpleText(secret))
        for secret in (b"hunter42", b"xyzzy", b"hunter42")
    )
    texts = [json.dumps(encoder.encode(config)) for config in (first, second, third)]
    assert not any("hunter" in text or "xyzzy" in text for text in texts)
    passwords = [decode(json.loads(text)).password for text in texts]
    assert passwords[0] == passwords[2] != passwords[1]
    assert "key" not in json.dumps(encoder.encode(b"the key"))


def test_what_is_of_no_known_kind_is_written_without_its_content_and_refused_when_read() -> None:
    class Ring:
        def __repr__(self) -> str:
            return "the keys"

    written = json.dumps(Encoder().encode((Ring(), 1)))
    assert "keys" not in written
    with pytest.raises(ValueError, match="kind 'Ring' can't be read back"):
        decode(json.loads(written))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({}, "is no value"),
        ([], "is no value"),
        (1.5, "is no value"),
        (["Fault", "OnFire"], "OnFire"),
        (["ip", "300.0.0.1"], "300.0.0.1"),
        (["ip"], "is no ip"),
        (["SendAdvert", {"prio": 1}], "prio"),
        (["system", "reboot"], "can't be read back"),
        (["VirtualRouterConfig", {"vrid": 0}], "missing"),
    ],
)
def test_garbage_is_refused_with_the_reason(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode(value)


def test_a_configuration_that_no_router_can_have_is_refused() -> None:
    written = json.loads(json.dumps(Encoder().encode(CONFIG)))
    written[1]["vrid"] = 256
    with pytest.raises(ValueError, match="vrid 256"):
        decode(written)
    assert str(VIP) in json.dumps(written)
