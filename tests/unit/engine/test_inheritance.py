"""What guard and engine tell each other survives the way."""

import pytest

from tests.unit.engine.samples import web
from vipkeeper.engine.inheritance import (
    DampingKnown,
    Forget,
    KeepSecrets,
    Lower,
    Message,
    Prepare,
    Prepared,
    Results,
    Started,
    Store,
    VerdictKnown,
    decode,
    encode,
    needs_of,
)
from vipkeeper.health.damping import Damping
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer


@pytest.mark.parametrize(
    "message",
    [
        Store(web()),
        Started("web"),
        Forget("web"),
        Prepare((web(), web(name="other")), ("vrrp4-51-2",)),
        Lower(7),
        VerdictKnown("web", "TCPCheckFailed", False),
        DampingKnown("uid", Damping(3, 5, False, 6, True, 7)),
        KeepSecrets({"web_key-1": bytes(range(64))}),
        Results({"web": Prepared("needs", "eth0", (), "vrrp4-51-2"), "x": Prepared("n", "", ("no interface",))}),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


def test_an_unknown_message_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown message 'x'"):
        decode(b'{"type":"x"}')


def test_only_what_prepare_looks_at_makes_new_needs() -> None:
    nginx = NginxSection((HTTPServer(80, (UpstreamServer("127.0.0.1", 1),)),))
    same = [web(generation=9), web(vrid=7), web(nodes={}), web(advertisement_interval_cs=1), web(preempt=False)]
    other = [web(addresses=web().addresses[:1]), web(interface="eth1"), web(nginx=nginx), web(install_prefix=True)]
    assert {needs_of(item) for item in same} == {needs_of(web())}
    assert len({needs_of(item) for item in [web(), *other]}) == 5


def test_with_a_virtual_mac_vrid_and_uid_matter_too() -> None:
    own = [web(virtual_mac=True), web(virtual_mac=True, vrid=7), web(virtual_mac=True, uid="another")]
    assert len({needs_of(item) for item in [web(), *own]}) == 4
