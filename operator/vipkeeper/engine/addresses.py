"""Virtual IP addresses on interfaces: put on, kept, taken off.

Law: an address is there on a lease from the kernel (`valid_lft`), renewed here each 0.3 of its length and by nobody
else. Whoever kills or freezes the engine stops the renewal, and the kernel takes the address away. (Measured: a lease
of 1 s with a renewal each 1.1 s loses the address now and then; it vanishes 1.03 to 1.23 s after the last renewal.)

With a prefix length of a subnet the kernel adds a route; it removes that of IPv4 with the address, that of IPv6 at the
end of the lease.

Requests are bytes made when a router is configured (`rehearse`), so a takeover is one write.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop, Timer
from vipkeeper.engine.netlink import Netlink
from vipkeeper.engine.netlink_codec import IPAddress, add_address, delete_address
from vipkeeper.vrrp.units import NS_PER_S, cs_to_ns, divide_up

_Place = tuple[int, IPAddress]
_LOG_EACH_NS = 10 * NS_PER_S
_ECHO_NS = NS_PER_S // 10
"""IPv6 tells us of removals that we have ordered; this long after one, nobody else is blamed."""


def lease_s(advertisement_interval_cs: int, real_time: bool) -> int:
    """Whole seconds, at least what everybody waits before taking over; one more where the engine may be late."""
    return max(1 if real_time else 2, divide_up(3 * cs_to_ns(advertisement_interval_cs), NS_PER_S))


class Addresses:
    """Which addresses shall be on which interface, for whom."""

    def __init__(self, loop: Loop, netlink: Netlink) -> None:
        self._loop = loop
        self._netlink = netlink
        self._owners: dict[_Place, dict[str, int]] = {}
        self._requests: dict[tuple[int, IPAddress, int, int | None], bytes] = {}
        self._prefix_lengths: dict[_Place, int] = {}  # of those that do not have the full one
        self._timers: dict[int, Timer] = {}
        self._removed_ns: dict[_Place, int] = {}
        self._logged_ns: dict[_Place, int] = {}
        self._put_back: dict[str, int] = {}

    def use_prefixes(self, index: int, lengths: Mapping[IPAddress, int]) -> None:
        """Of these addresses, until told otherwise. One that is there with another length is put on anew."""
        for address, length in lengths.items():
            place = (index, address)
            before = self._prefix_lengths.get(place)
            wanted = None if length == address.max_prefixlen else length
            if wanted == before:
                continue
            if wanted is None:
                del self._prefix_lengths[place]
            else:
                self._prefix_lengths[place] = wanted
            if place in self._owners:
                self._delete([place], {place: before})
                self._order([place])

    def rehearse(self, index: int, addresses: tuple[IPAddress, ...], valid_s: int) -> None:
        """Make the bytes now."""
        for address in addresses:
            self._request(index, address, valid_s)

    def add(self, owner: str, index: int, addresses: tuple[IPAddress, ...], valid_s: int) -> None:
        """Put them on the interface and keep them there, for as long as the most patient of their routers wants."""
        for address in addresses:
            self._owners.setdefault((index, address), {})[owner] = valid_s
        self._order([(index, address) for address in addresses])
        self._renew_regularly(valid_s, time.monotonic_ns())

    def remove(self, owner: str, index: int, addresses: tuple[IPAddress, ...]) -> None:
        """Take them off, but for those that another router wants there."""
        self.let_go(owner, index, addresses)
        places = [(index, address) for address in addresses]
        self._delete([place for place in places if place not in self._owners], self._prefix_lengths)

    def sweep(self, index: int, address: IPAddress, prefix_length: int) -> None:
        """Take off what was left with that length, unless a router wants it there."""
        place = (index, address)
        if place not in self._owners:
            self._delete([place], {place: prefix_length})

    def let_go(self, owner: str, index: int, addresses: tuple[IPAddress, ...]) -> None:
        """Renew no more, and leave what is there to its lease."""
        for address in addresses:
            owners = self._owners.get((index, address))
            if owners is not None:
                owners.pop(owner, None)
                if not owners:
                    del self._owners[index, address]

    def put_back(self, owner: str) -> int:
        """How often somebody else has removed an address of `owner`."""
        return self._put_back.get(owner, 0)

    def was_removed(self, index: int, address: IPAddress) -> tuple[str, ...]:
        """The kernel says that an address is gone. One that shall be there is put back at once.

        Returns its owners where they should hear of it: not each time.
        """
        owners = self._owners.get((index, address))
        if not owners:
            return ()
        self._order([(index, address)])
        now_ns = time.monotonic_ns()
        by_ourselves = now_ns - self._removed_ns.get((index, address), -_ECHO_NS) < _ECHO_NS
        if by_ourselves:
            return ()
        self._put_back.update({owner: self.put_back(owner) + 1 for owner in owners})
        if now_ns - self._logged_ns.get((index, address), -_LOG_EACH_NS) < _LOG_EACH_NS:
            return ()
        self._logged_ns[index, address] = now_ns
        warn("somebody removed a virtual IP address; put back", address=address, interface_index=index)
        return tuple(owners)

    def _delete(self, places: list[_Place], prefix_lengths: Mapping[_Place, int | None]) -> None:
        now_ns = time.monotonic_ns()
        self._netlink.order([delete_address(*place, prefix_length=prefix_lengths.get(place)) for place in places])
        self._removed_ns = {place: then for place, then in self._removed_ns.items() if now_ns - then < _ECHO_NS}
        self._removed_ns.update(dict.fromkeys(places, now_ns))

    def _order(self, places: list[_Place]) -> None:
        leases_s = [max(self._owners[place].values()) for place in places]
        self._netlink.order([self._request(*place, valid_s) for place, valid_s in zip(places, leases_s, strict=True)])

    def _request(self, index: int, address: IPAddress, valid_s: int) -> bytes:
        prefix_length = self._prefix_lengths.get((index, address))
        key = (index, address, valid_s, prefix_length)
        request = self._requests.get(key)
        if request is None:
            if len(self._requests) > 10_000:  # of interfaces and leases long gone
                self._requests.clear()
            request = self._requests[key] = add_address(index, address, valid_s, prefix_length=prefix_length)
        return request

    def _renew_regularly(self, valid_s: int, now_ns: int) -> None:
        timer = self._timers.get(valid_s)
        if timer is None:
            timer = self._timers[valid_s] = self._loop.timer(lambda then_ns: self._renew(valid_s, then_ns))
        if timer.deadline_ns is None:
            timer.set(now_ns + valid_s * NS_PER_S * 3 // 10)

    def _renew(self, valid_s: int, now_ns: int) -> None:
        places = [place for place, owners in self._owners.items() if valid_s in owners.values()]
        if not places:
            return
        self._order(places)
        self._timers[valid_s].set(now_ns + valid_s * NS_PER_S * 3 // 10)
