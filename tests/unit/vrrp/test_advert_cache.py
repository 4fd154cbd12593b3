from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from vipkeeper.vrrp.advert import Advert
from vipkeeper.vrrp.advert_cache import MAX_ADVERTS, AdvertCache, ipv4_key
from vipkeeper.vrrp.drops import Dropped, DropReason

ADVERT = Advert(IPv4Address("192.0.2.1"), 51, 100, 100, (IPv4Address("192.0.2.10"),))
PACKET = bytes(range(60))


def test_what_was_accepted_is_found_again_as_the_same_object() -> None:
    """The same source object: comparing it costs nothing."""
    cache = AdvertCache()
    cache.remember(b"bytes", ADVERT)
    assert cache.find(b"bytes") is ADVERT
    assert cache.find(b"other bytes") is None


def test_a_refusal_is_not_remembered() -> None:
    cache = AdvertCache()
    cache.remember(b"bytes", Dropped(DropReason.WRONG_CHECKSUM))
    assert (cache.find(b"bytes"), len(cache)) == (None, 0)


def test_what_has_a_trailer_is_not_remembered() -> None:
    """Else its replay would be believed."""
    cache = AdvertCache()
    cache.remember(b"bytes", replace(ADVERT, key_id=1))
    assert (cache.find(b"bytes"), len(cache)) == (None, 0)


def test_it_never_grows_beyond_its_limit_and_forgets_the_oldest() -> None:
    cache = AdvertCache(limit=3)
    for n in range(5):
        cache.remember(n, ADVERT)
    assert (len(cache), cache.find(1), cache.find(2)) == (3, None, ADVERT)
    usual = AdvertCache()
    for n in range(2 * MAX_ADVERTS):
        usual.remember(n, ADVERT)
    assert len(usual) == MAX_ADVERTS


def test_it_can_forget_everything() -> None:
    cache = AdvertCache()
    cache.remember(b"bytes", ADVERT)
    cache.clear()
    assert cache.find(b"bytes") is None


def test_the_key_of_an_ipv4_packet_leaves_out_what_differs_each_time_and_nothing_else() -> None:
    """The identification (bytes 4 and 5) and the header's checksum (10 and 11)."""
    for at in range(len(PACKET)):
        other = PACKET[:at] + bytes([PACKET[at] ^ 0xFF]) + PACKET[at + 1 :]
        assert (ipv4_key(other) == ipv4_key(PACKET)) == (at in (4, 5, 10, 11))
