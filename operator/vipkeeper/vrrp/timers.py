"""The durations of RFC 9568 §6.1, in nanoseconds, and the two that vipkeeper adds.

Everything rounds up: a takeover is never early. `interval_cs` is the interval of the *Active* that is waited for
(learned from its adverts), not our own. Version 2 has no learned interval, and its Skew_Time is a part of a second,
however long the interval (RFC 3768 §6.1).
"""

from vipkeeper.vrrp.advert import Version
from vipkeeper.vrrp.units import NS_PER_CS, NS_PER_S, cs_to_ns, divide_up, ms_to_ns

ANSWER_SPACING_NS = ms_to_ns(100)
"""Least time between two adverts in answer to others' adverts, so that a flood is answered ten times a second."""

ANNOUNCE_SPACING_NS = ms_to_ns(1000)
"""Least time between two announcements in answer to losing adverts."""

_ADVERT_SLACK_PARTS = 20

HANDOVER_ANSWER_NS = ms_to_ns(20)
"""How long a peer that was asked to take over has to answer."""

HANDOVER_LIMIT_NS = ms_to_ns(60)
"""How long it may take to find one that does."""

STRAY_ADVERTS_NS = ms_to_ns(100)
"""For how long after a handover adverts of the one who asked for it may still be on their way to us."""

CLAIM_NS = ms_to_ns(250)
"""How long a first claim listens for somebody who has the address: three questions in 150 ms, and 100 ms more
(RFC 5227 §2.1.1 with shorter times)."""

DOUBT_AGAIN_NS = ms_to_ns(5000)
"""After nobody took over from an Active that could not prove its segment: how long it stays without trying again."""

_LEAST_PROOF_NS = ms_to_ns(20)

_LAST_RESORT_STEP_NS = ms_to_ns(50)
_LAST_RESORT_STEPS = 16


def skew_time_ns(priority: int, interval_cs: int, version: Version = Version.V3) -> int:
    """Skew_Time = ((256 - priority) * Active_Adver_Interval) / 256: the higher the priority, the sooner.

    Version 2: Skew_Time = (256 - priority) / 256 seconds.
    """
    whole_ns = NS_PER_S if version is Version.V2 else interval_cs * NS_PER_CS
    return divide_up((256 - priority) * whole_ns, 256)


def active_down_interval_ns(skew_ns: int, interval_cs: int) -> int:
    """Active_Down_Interval = (3 * Active_Adver_Interval) + Skew_Time."""
    return 3 * cs_to_ns(interval_cs) + skew_ns


def advert_slack_ns(interval_cs: int) -> int:
    """How much too early an advert may leave: a twentieth of its interval.

    Many routers on one machine are so spared a wake-up for each advert of each (the neighbours, too): what is due soon
    goes out with what is due now. No takeover comes of it: others count from the last advert that they heard.
    """
    return cs_to_ns(interval_cs) // _ADVERT_SLACK_PARTS


def first_question_ns(interval_cs: int) -> int:
    """When to ask a silent Active by unicast: the second advert is missed, and not only late by a little. The answer
    has three quarters of an interval, at least, before anybody would take over."""
    return 2 * cs_to_ns(interval_cs) + cs_to_ns(interval_cs) // 4


def next_question_ns(interval_cs: int) -> int:
    """From one question to the next: two at least before a takeover, as one may be lost."""
    return cs_to_ns(interval_cs) // 2


def proof_limit_ns(interval_cs: int) -> int:
    """How long an Active may take to show that it hears its segment. With the time to the first question it is less
    than twice the Active_Down_Interval of anybody."""
    return max(2 * cs_to_ns(interval_cs), _LEAST_PROOF_NS)


def last_resort_delay_ns(rank: int, interval_cs: int) -> int:
    """What an ill router adds to its Skew_Time, by its rank.

    All ill routers have priority 1 and so one and the same Skew_Time, which is only 1/256 of an interval longer than
    that of a healthy router of priority 2. One step (a quarter of an interval, 50 ms at most) leaves each better one
    the time to be heard first: the healthy, then the ill by rank. From the 16th on they share the last step, so that
    the last one alive waits no longer than 0.8 s; two that fire together are told apart by their addresses.
    """
    step_ns = min(divide_up(cs_to_ns(interval_cs), 4), _LAST_RESORT_STEP_NS)
    return min(rank + 1, _LAST_RESORT_STEPS) * step_ns


def patience_ns(interval_cs: int) -> int:
    """How old the last advert of an Active may be while surely nobody has taken over.

    The most impatient router there can be, the address owner, waits for 3 + 1/256 of our intervals after our advert
    reached it (version 2: 3 intervals and 1/256 s). The 1/256 is left as a margin for the way of our next advert.
    """
    return 3 * cs_to_ns(interval_cs)
