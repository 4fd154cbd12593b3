"""The states of a virtual router, the causes of its transitions, and the faults that hold it in Initialize.

Their values are what users read in `status`, Events and logs: one CamelCase word each, never renamed lightly.

Tested by the playbooks in tests/scenarios, which speak them.
"""

from enum import StrEnum


class State(StrEnum):
    """RFC 9568 §6.3."""

    INITIALIZE = "Initialize"
    BACKUP = "Backup"
    ACTIVE = "Active"


class Reason(StrEnum):
    """Why the last transition happened."""

    STARTUP = "Startup"
    """The router was started (RFC 9568 §6.4.1)."""
    RECOVERED = "Recovered"
    """The last fault is gone: started again."""
    RESUMED = "Resumed"
    """The engine died as Active and came back before anybody could miss it."""
    ADOPTED = "Adopted"
    """Taken over as Active from another engine of this node."""
    NO_RESPONSE = "NoResponse"
    """Nothing was heard from an Active for Active_Down_Interval."""
    PRIORITY_ZERO = "PriorityZero"
    """The Active said that it leaves."""
    PREEMPTED = "Preempted"
    """An Active of lower priority was on the segment and we preempted it."""
    HIGHER_PRIORITY = "HigherPriority"
    """An advert of higher priority ended our time as Active."""
    HIGHER_ADDRESS = "HigherAddress"
    """An advert of equal priority from a higher address ended our time as Active."""
    UNHEALTHY = "Unhealthy"
    """Something that this node serves on the address is ill: it yielded."""
    FAULT = "Fault"
    """The set of faults is not empty: the router cannot take part."""
    STALE_CLOCK = "StaleClock"
    """We woke up so late that another router may be Active: listen first."""
    SEGMENT_LOST = "SegmentLost"
    """Active, but no neighbour on the segment answered us, and a peer that had asked did take over."""
    NOBODY_ACTIVE = "NobodyActive"
    """Every peer says that it is not Active, and none of them is better: no reason to wait."""
    HANDOVER = "Handover"
    """The Active asked this node, its peer, to take over."""
    RELEASED = "Released"
    """Given away, as it is, to another engine of this node."""
    SHUTDOWN = "Shutdown"
    """The router was stopped."""


class HandoverRefusal(StrEnum):
    """Why a router does not take over although the Active asks it to. New ones go to the end: their order is sent."""

    ABSENT = "Absent"
    """This node has no such virtual router."""
    FAULTY = "Faulty"
    """It is held in Initialize by a fault, or has not started."""
    ILL = "Ill"
    """What this node serves on the address is not healthy."""
    LEAVING = "Leaving"
    """It is about to hand over itself."""
    OTHER_ACTIVE = "OtherActive"
    """It hears another Active than the one that asks."""
    SEGMENT_LOST = "SegmentLost"
    """It has given up for not hearing the segment, and has heard nothing there since."""


class Fault(StrEnum):
    """What holds a router in Initialize. A router has a set of them and starts when the set is empty."""

    INTERFACE_MISSING = "InterfaceMissing"
    """No such interface, or none could be chosen."""
    LINK_DOWN = "LinkDown"
    """The interface is down or has no carrier."""
    NO_SOURCE_ADDRESS = "NoSourceAddress"
    """The interface has no primary IPv4 address, or no link-local IPv6 address, to send from (RFC 9568 §5.1)."""
    NO_PEER_ADDRESS = "NoPeerAddress"
    """Adverts go by unicast, others take part, and no address of any of them is known yet."""
    NOT_PREPARED = "NotPrepared"
    """The interface's settings are not (yet) those that the router needs."""
    SECRET_MISSING = "SecretMissing"
    """A key or password of its authentication is not here (yet), or can't be one."""

    ADDRESS_CONFLICT = "AddressConflict"
    """Somebody answers for one of the addresses who is no Active of this virtual router."""


MUTE_FAULTS = frozenset({Fault.INTERFACE_MISSING, Fault.LINK_DOWN, Fault.NO_SOURCE_ADDRESS})
"""Under any of these nothing can be sent, not even priority 0."""
