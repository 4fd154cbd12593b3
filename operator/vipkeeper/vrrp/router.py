"""One virtual router: the state machine of RFC 9568 §6.4, and all of it.

Law: every transition lives in this file, in the order of the RFC: §6.4.1 Initialize, §6.4.2 Backup, §6.4.3 Active.
Read them side by side. Nothing here waits, sends or knows the time: events and `now_ns` come in, actions go out, and
`deadline_ns` says when to come back.

Where we add to the RFC, or depart from it:

- *Faults* hold a router in Initialize; it starts when their set is empty.
- *Ill* (its set of ailments is not empty) it has the reserved priority 1, and an Active that falls ill yields: it
  leaves with priority 0 and treats that as a priority 0 received, so that it takes the address back when nobody
  better does. A healthy router always preempts an Active of priority 1, whatever its Preempt_Mode. Where the
  configuration says *release*, an ailment is like a fault instead: who has it takes no part, and if all do, nobody does.
- *Damped* (well, but its health has been flapping) a Backup waits like the ill and follows every Active that is well; it
  takes over from the ill, and from nobody. Who becomes Active is damped no more.
- *Warming* (what it serves is not loaded yet) a Backup follows a living Active of lower priority as if it did not
  preempt. Where nobody has the addresses it claims them as ever.
- *Stale clock*: an Active that wakes up when others may have taken over removes its addresses and listens, before it
  sends anything.
- An advert may leave up to a twentieth of its interval early, together with those of other routers (`slack_ns`).
- An Active that has to yield to a higher one says one last advert, so that the winner announces the addresses again.
- Answers to losing adverts and to priority 0 are limited in their rate; a run of adverts with priority 0 counts from
  its first one (the RFC would set the timer anew each time, and a flood would hold a takeover off).
- *Preempt delay*: from its start, or the end of its last fault or ailment, a Backup follows a living Active of lower
  priority as if it did not preempt. Silence and priority 0 are believed as ever, an owner and priority 1 do not wait.
- Version 2 has the same machine. Its interval is the configured one (others' adverts do not come this far).
- *Handover*: an Active that leaves, or falls ill, asks a peer to be Active first, and takes its addresses off when that
  one has announced them. Meanwhile it says nothing, so that the peer does not yield to it. No answer in 20 ms, or
  nobody fit: priority 0, as ever. Who was asked is Active at once, whatever the priorities, and does not hear the
  adverts of the other that were still on their way.
- *Witness*: a Backup that misses the second advert asks the Active by unicast. What a living one answers on the segment
  counts as an advert: the Backup waits, says that multicast is blocked, and asks again each interval; without an answer
  it takes over on time. Should it preempt, it asks for a handover. When only another way answers, the Active has to
  prove that it hears its segment (a neighbour answers); if it can't, it hands over by that way. Two Actives that do not
  hear each other's adverts settle it by what they say by unicast, by the same rules.
- *First claim*: where no Active was heard since the start, the addresses are asked for on the segment before they are
  claimed, beside the wait. Somebody answers: a fault, AddressConflict. Who takes over from an Active that was heard
  never asks.
- *Fast start*: a Backup that has heard no Active since it started does not wait when every peer says that it is none.
- A learned interval is believed from 1 to 4095 cs, as the RFC says. To cap it would mean to take over from an Active
  whose adverts are on the wire.
"""

from __future__ import annotations

from typing import assert_never

from vipkeeper.vrrp.actions import (
    Action,
    AddAddresses,
    Announce,
    AnswerHandover,
    AskActive,
    BlockedChanged,
    HandOver,
    ProbeAddresses,
    ProveSegment,
    RemoveAddresses,
    SendAdvert,
    StateChanged,
    WantHandover,
)
from vipkeeper.vrrp.advert import NO_REMARKS, OWNER_PRIORITY, Advert, IPAddress, Remark, Version
from vipkeeper.vrrp.config import LAST_RESORT_PRIORITY, VirtualRouterConfig
from vipkeeper.vrrp.events import (
    AddressAnswered,
    Adopted,
    AdvertReceived,
    ConfigChanged,
    Event,
    FaultsChanged,
    HandoverAsked,
    HandoverImpossible,
    HandoverRefused,
    HandoverTaken,
    HandoverWanted,
    HealthChanged,
    LocalAddressChanged,
    NobodyActive,
    PeerIsActive,
    Released,
    SegmentDoubted,
    SegmentProven,
    Shutdown,
    Startup,
    TimerFired,
)
from vipkeeper.vrrp.state import MUTE_FAULTS, Fault, HandoverRefusal, Reason, State
from vipkeeper.vrrp.timers import (
    ANNOUNCE_SPACING_NS,
    ANSWER_SPACING_NS,
    CLAIM_NS,
    DOUBT_AGAIN_NS,
    HANDOVER_ANSWER_NS,
    HANDOVER_LIMIT_NS,
    STRAY_ADVERTS_NS,
    active_down_interval_ns,
    advert_slack_ns,
    first_question_ns,
    last_resort_delay_ns,
    next_question_ns,
    patience_ns,
    proof_limit_ns,
    skew_time_ns,
)
from vipkeeper.vrrp.units import cs_to_ns

_TWO_SENDERS = frozenset({Remark.TWO_SENDERS})
_STILL_ACTIVE = frozenset({Remark.STILL_ACTIVE})
_STARTS = (Reason.STARTUP, Reason.RECOVERED)


class VirtualRouter:
    """One virtual router on one interface of this node. Events in, actions out; `deadline_ns` is when to wake it."""

    __slots__ = (
        "_actions",
        "_active_interval_cs",
        "_active_priority",
        "_announcement_owed",
        "_answered",
        "_claim_from_ns",
        "_deaf_to",
        "_deaf_until_ns",
        "_discarded",
        "_doubted_by",
        "_doubts_count_ns",
        "_expected",
        "_handover_began_ns",
        "_handover_heard",
        "_handover_reason",
        "_held_until_ns",
        "_next_announce_ns",
        "_next_answer_ns",
        "_proof_limit_ns",
        "_proven_ns",
        "_recovered_ns",
        "_routine",
        "_routine_wait_ns",
        "_segment_lost",
        "_silent_since_ns",
        "_started",
        "_unheard_since_ns",
        "_witnessed",
        "active_address",
        "ailments",
        "blocked_by",
        "config",
        "damped",
        "deadline_ns",
        "faults",
        "last_advert_ns",
        "local_address",
        "reason",
        "remarks",
        "state",
        "takeover_ns",
        "warming",
    )

    def __init__(self, config: VirtualRouterConfig, local_address: IPAddress) -> None:
        self.config = config
        self.local_address = local_address
        """Where our adverts come from: the tie-break compares it."""
        self.state = State.INITIALIZE
        self.reason = Reason.STARTUP
        """Of the last transition."""
        self.deadline_ns: int | None = None
        """When to hand in a TimerFired. None: no timer runs."""
        self.faults: frozenset[Fault] = frozenset()
        self.ailments: frozenset[str] = frozenset()
        self.damped = False
        """Well, but not to be Active as long as somebody else can be."""
        self.warming = False
        """Not known to serve yet: it preempts nobody who is well."""
        self.active_address: IPAddress | None = None
        """Who is Active, as far as we know: ourselves, or the source of the last accepted advert."""
        self.takeover_ns: int | None = None
        """How long the segment was without an Active at our last takeover: since the last advert of the old one.
        None: there was none to follow, or it was preempted alive."""
        self.last_advert_ns: int | None = None
        """When we sent our last advert as Active: what the next engine needs for `Startup`. None: not Active."""
        self.remarks = NO_REMARKS
        """About the last advert that was accepted in Backup, beside its own: what only its predecessor can show."""
        self._started = False  # between Startup and Shutdown, faults or not
        self._recovered_ns = 0  # when it started, or its last fault or ailment went: preempt delay counts from here
        self._active_interval_cs = config.advertisement_interval_cs  # Active_Adver_Interval
        self._active_priority = 0  # of the last accepted advert
        self._silent_since_ns = 0  # Backup: when the down timer was started
        self._expected = Reason.NO_RESPONSE  # Backup: what the down timer will mean when it fires
        self._routine: Advert | None = None  # Backup: that one once more does nothing but start the down timer anew ...
        self._routine_wait_ns = 0  # ... for this long
        self._next_answer_ns = 0
        self._next_announce_ns = 0
        self._announcement_owed = False  # Active: to a loser whose last advert came too early for another one
        self._handover_reason: Reason | None = None  # Active: why we are about to leave it; None: we are not
        self._handover_began_ns = 0
        self._handover_heard: Advert | None = None  # of another Active, since then
        self._discarded: IPAddress | None = None  # Backup: source of the last advert, when that one is preempted
        self._deaf_to: IPAddress | None = None  # who handed over to us
        self._deaf_until_ns = 0
        self.blocked_by: IPAddress | None = None
        """The Active that answers by unicast only, for so long that its adverts must be blocked."""
        self._witnessed = False  # Backup: the Active's last sign of life came by unicast
        self._claim_from_ns = 0  # Backup: when somebody who has the addresses would have answered
        self._answered = False  # Backup: somebody did
        self._unheard_since_ns = 0  # Backup: when its last advert came, while that is so
        self._held_until_ns = 0  # Backup: the Active lives, and is about to find out whether it hears its segment
        self._doubted_by: IPAddress | None = None  # Active: who asked by another way than the segment
        self._segment_lost = False  # Backup: we gave up for not hearing the segment, and have not heard it since
        self._doubts_count_ns = 0  # Active: from when on it does something about doubts
        self._proof_limit_ns: int | None = None  # Active: until when to show that we hear the segment
        self._proven_ns: int | None = None  # Active: when we last could
        self._actions: list[Action] = []

    @property
    def priority(self) -> int:
        """The effective priority: the configured one, or 1 while ill or damped."""
        return LAST_RESORT_PRIORITY if self._waits_behind else self.config.priority

    @property
    def _waits_behind(self) -> bool:
        return bool(self.ailments) or self.damped

    @property
    def _releases(self) -> bool:
        """Whether it may not take part because it is ill."""
        return not self.ailments.isdisjoint(self.config.release)

    @property
    def slack_ns(self) -> int:
        """How much earlier than `deadline_ns` a TimerFired is welcome: an advert may go along with others' that are due."""
        if self.state is not State.ACTIVE or self._handover_reason is not None:
            return 0
        return advert_slack_ns(self.config.advertisement_interval_cs)

    def confirm(self, advert: Advert, arrived_ns: int) -> bool:
        """The Active that we follow says what it said last: the short way for what happens most.

        True: all is done, just as `handle` would have done it, and no action comes of it. False: hand `advert` in
        as AdvertReceived. The very object counts, for a shell that keeps one for the same bytes. It may have arrived
        before now, but not before the last event.
        """
        if advert is not self._routine:
            return False
        self._silent_since_ns = arrived_ns
        self.deadline_ns = arrived_ns + self._routine_wait_ns
        return True

    @property
    def is_handing_over(self) -> bool:
        """Whether it waits for a peer to be Active in its place."""
        return self._handover_reason is not None

    def handle(self, event: Event, now_ns: int) -> list[Action]:
        """What `event`, at `now_ns`, makes the shell do. `now_ns` never goes back."""
        self._actions = []
        if isinstance(event, TimerFired) and (self.deadline_ns is None or now_ns < self.deadline_ns - self.slack_ns):
            return []
        self._routine = None
        if self._is_stale(now_ns):
            self._give_up_stale(now_ns)
            if isinstance(event, TimerFired):
                return self._actions
        match self.state:
            case State.INITIALIZE:
                self._in_initialize(event, now_ns)
            case State.BACKUP:
                self._in_backup(event, now_ns)
            case State.ACTIVE:
                self._in_active(event, now_ns)
        return self._actions

    # ---- RFC 9568 §6.4.1

    def _in_initialize(self, event: Event, now_ns: int) -> None:
        match event:
            case Startup(int(last_advert_ns)):
                self._started = True
                self._resume(last_advert_ns, now_ns)
            case Startup():
                self._started = True
                if not self._is_held:
                    self._start(Reason.STARTUP, now_ns)
            case FaultsChanged(faults):
                self.faults = faults
                self._start_again(now_ns)
            case Adopted():
                self._started = True
                if self._is_held:
                    self._leave()
                else:
                    self._become_active(Reason.ADOPTED, now_ns)
            case Shutdown() | Released():
                self._started = False
            case HealthChanged():
                self._note_health(event)
                self._start_again(now_ns)
            case ConfigChanged(config):
                self._replace_config(config)
                self._start_again(now_ns)
            case LocalAddressChanged(address):
                self.local_address = address
            case HandoverAsked():
                ill = self._releases and not self.faults
                self._actions.append(AnswerHandover(HandoverRefusal.ILL if ill else HandoverRefusal.FAULTY))
            case TimerFired() | AdvertReceived():
                pass
            case HandoverTaken() | HandoverRefused() | HandoverImpossible() | HandoverWanted():
                pass
            case PeerIsActive() | NobodyActive() | SegmentDoubted() | SegmentProven() | AddressAnswered():
                pass
            case _:
                assert_never(event)

    def _resume(self, last_advert_ns: int, now_ns: int) -> None:
        """An engine before this one was Active and has left its addresses on the interface."""
        if now_ns - last_advert_ns > self._patience_ns():
            self._actions.append(RemoveAddresses(self.config.all_addresses))
            if not self._is_held:
                self._recovered_ns = now_ns
                self._become_backup(Reason.STALE_CLOCK, now_ns)
        elif self._is_held:
            self._leave()
        else:
            self._become_active(Reason.RESUMED, now_ns)

    @property
    def _is_held(self) -> bool:
        """Whether anything keeps it in Initialize."""
        return bool(self.faults) or self._releases

    def _start_again(self, now_ns: int) -> None:
        if self._started and not self._is_held:
            self._start(Reason.RECOVERED, now_ns)

    def _start(self, reason: Reason, now_ns: int) -> None:
        self._recovered_ns = now_ns
        if self.priority == OWNER_PRIORITY:
            self._become_active(reason, now_ns)
        else:
            self._probe(now_ns)
            self._become_backup(reason, now_ns)

    def _probe(self, now_ns: int) -> None:
        """Before a first claim."""
        self._answered = False
        if self.config.probe:
            self._claim_from_ns = now_ns + CLAIM_NS
            self._actions.append(ProbeAddresses(self.config.all_addresses))

    def _note_health(self, now: HealthChanged) -> None:
        self.ailments, self.damped, self.warming = now.ailments, now.damped, now.warming

    # ---- RFC 9568 §6.4.2

    def _in_backup(self, event: Event, now_ns: int) -> None:
        match event:
            case TimerFired() if now_ns < self._down_ns():
                self._ask(now_ns)
            case TimerFired() if self._answered and self._is_first_claim():
                self.faults |= {Fault.ADDRESS_CONFLICT}
                self._become_initialize(Reason.FAULT)
            case AddressAnswered():
                self._answered = True
            case TimerFired():  # silence for Active_Down_Interval, or for Skew_Time after priority 0
                self._take_over(now_ns)
            case AdvertReceived(advert) if advert.priority == 0:  # the Active leaves
                self._unblock()
                if self._expected is not Reason.PRIORITY_ZERO:
                    self._wait(Reason.PRIORITY_ZERO, now_ns)
            case AdvertReceived(advert) if self._accepts(advert, now_ns):
                self._remark(advert, now_ns)
                self._unblock()
                self._follow(advert, now_ns)
                self._expect_the_same(advert)
            case AdvertReceived(advert):  # preempting: discard it, let our timer run out
                first = self._is_first_claim()
                self._discarded = advert.source
                self._unblock()
                if first:
                    self._reset_deadline()
                if self._expected is Reason.NO_RESPONSE:
                    self._expected = Reason.PREEMPTED
            case Shutdown() | Released():  # in silence: we held nothing
                self._started = False
                self._become_initialize(_parting(event))
            case FaultsChanged(faults):
                self.faults = faults
                if faults:
                    self._become_initialize(Reason.FAULT)
            case Adopted():
                self._become_active(Reason.ADOPTED, now_ns)
            case HealthChanged():
                held_back = self._waits_behind or self.warming
                self._note_health(event)
                if held_back and not self._waits_behind and not self.warming:
                    self._recovered_ns = now_ns
                self._reset_deadline()
                self._release_in_backup()
            case ConfigChanged(config):
                self._change_config_in_backup(config, now_ns)
                self._release_in_backup()
            case LocalAddressChanged(address):
                self.local_address = address
            case HandoverAsked():
                self._take_over_for(event, now_ns)
            case PeerIsActive() if self.config.witness:
                self._hear_witness(event, now_ns)
            case NobodyActive() if self.waits_in_vain:
                self._expected = Reason.NOBODY_ACTIVE
                self.deadline_ns = max(now_ns, self._down_ns())
            case Startup() | HandoverTaken() | HandoverRefused() | HandoverImpossible() | HandoverWanted():
                pass
            case PeerIsActive() | NobodyActive() | SegmentDoubted() | SegmentProven() | AddressAnswered():
                pass
            case _:
                assert_never(event)

    def _release_in_backup(self) -> None:
        """In silence: we held nothing."""
        if self._releases:
            self._become_initialize(Reason.UNHEALTHY)

    def _accepts(self, advert: Advert | PeerIsActive, now_ns: int) -> bool:
        """Whether that router is Active enough for us. Otherwise we preempt it."""
        if self.damped and advert.priority == LAST_RESORT_PRIORITY:
            return bool(self.ailments)
        if advert.priority >= self.priority:
            return True
        if self.priority == OWNER_PRIORITY or advert.priority == LAST_RESORT_PRIORITY:
            return False
        waits = self.warming or now_ns < self._recovered_ns + self.config.preempt_delay_ns
        return waits or not self.config.preempt

    def _remark(self, advert: Advert, now_ns: int) -> None:
        """What this advert shows beside the one before it. The identity test costs nothing where adverts are cached."""
        same = advert.source is self.active_address or advert.source == self.active_address
        if self._expected is Reason.PRIORITY_ZERO:
            self.remarks = _STILL_ACTIVE if same else NO_REMARKS
        else:
            self.remarks = NO_REMARKS if same or not self._is_second(advert, now_ns) else _TWO_SENDERS

    def _is_second(self, advert: Advert, now_ns: int) -> bool:
        """Was another Active of this priority alive a moment ago? A successor has to wait for three silent intervals."""
        return (
            self.active_address is not None
            and advert.priority == self._active_priority
            and self._expected is Reason.NO_RESPONSE
            and now_ns - self._silent_since_ns < 3 * cs_to_ns(self._active_interval_cs)
        )

    def _follow(self, advert: Advert, now_ns: int) -> None:
        """Adopt the interval of the Active and wait for its silence."""
        self.active_address = advert.source
        self._active_interval_cs = advert.interval_cs
        self._active_priority = advert.priority
        self._discarded = None
        self._wait(Reason.NO_RESPONSE, now_ns)

    def _expect_the_same(self, advert: Advert) -> None:
        """From here on `confirm` knows this advert, until something else happens; unless time alone (preempt delay) could
        change what we make of it."""
        lasting = advert.priority >= self.priority or not self.config.preempt
        if lasting and not self.remarks and self.deadline_ns is not None:
            self._routine = advert
            self._routine_wait_ns = self.deadline_ns - self._silent_since_ns

    def _take_over(self, now_ns: int) -> None:
        followed = self.active_address is not None or self._expected is Reason.PRIORITY_ZERO
        alive = self._expected is Reason.PREEMPTED
        self._become_active(self._expected, now_ns)
        self.takeover_ns = now_ns - self._silent_since_ns if followed and not alive else None

    def _why_not(self, asked: HandoverAsked) -> HandoverRefusal | None:
        if self.ailments:
            return HandoverRefusal.ILL
        if self._hears_another_than(asked):
            return HandoverRefusal.OTHER_ACTIVE
        return HandoverRefusal.SEGMENT_LOST if self._segment_lost and not asked.on_segment else None

    def _hears_another_than(self, asked: HandoverAsked) -> bool:
        """The adverts of `asked.by` may be blocked: then who was Active before it is believed that it is so no more."""
        if self._discarded is not None:
            return self._discarded != asked.by
        gone = asked.other_left_ns is not None and asked.other_left_ns >= self._silent_since_ns
        return self.active_address not in (None, asked.by) and not gone

    def _take_over_for(self, asked: HandoverAsked, now_ns: int) -> None:
        """The Active asks us to. It has the addresses until we have announced ourselves, and is told so then.

        The question may be an old one, read by a process that slept: then somebody else is heard by now.
        """
        refusal = self._why_not(asked)
        if refusal is not None:
            self._actions.append(AnswerHandover(refusal))
            return
        self._deaf_to, self._deaf_until_ns = asked.by, now_ns + STRAY_ADVERTS_NS
        self._become_active(Reason.HANDOVER, now_ns)
        self._actions.insert(-1, AnswerHandover())  # before the change of state is told

    # ---- in Backup, with peers

    def _ask(self, now_ns: int) -> None:
        """Two adverts are missed: is the Active alive? To take over we wait as long as ever."""
        self.deadline_ns = self._down_ns()
        if self._asks():
            assert self.active_address is not None
            self._actions.append(AskActive(self.active_address))
            self.deadline_ns = min(self.deadline_ns, now_ns + next_question_ns(self._active_interval_cs))

    def _asks(self) -> bool:
        """Who said priority 0, or is heard and preempted, need not be asked; nor who is not known."""
        return self.config.witness and self._expected is Reason.NO_RESPONSE and self.active_address is not None

    def _hear_witness(self, said: PeerIsActive, now_ns: int) -> None:
        """As long as adverts come they tell more. Without them, a living Active is one."""
        silent_ns = now_ns - self._silent_since_ns
        if not self._witnessed and silent_ns < 2 * cs_to_ns(self._active_interval_cs):
            if self.active_address is None and self._expected is Reason.NO_RESPONSE:  # just started: ask it later
                self.active_address, self._active_interval_cs = said.by, said.interval_cs
                self._reset_deadline()
            return
        if said.on_segment and not self._accepts(said, now_ns):
            self._actions.append(WantHandover(said.by))
        self.active_address, self._active_interval_cs = said.by, said.interval_cs
        self._active_priority = said.priority
        if said.on_segment or said.hears_segment:
            if not self._witnessed:
                self._witnessed, self._unheard_since_ns = True, self._silent_since_ns
            self._wait(Reason.NO_RESPONSE, now_ns)
            if self.blocked_by != said.by and now_ns - self._unheard_since_ns >= self._wait_ns():
                self.blocked_by = said.by
                self._actions.append(BlockedChanged(said.by))
        else:  # it is about to find out whether it hears the segment, and hands over if not
            self._expected = Reason.NO_RESPONSE
            self._held_until_ns = now_ns + cs_to_ns(self._active_interval_cs)
            self.deadline_ns = min(now_ns + next_question_ns(self._active_interval_cs), self._down_ns())

    def _unblock(self) -> None:
        """An advert has arrived."""
        self._witnessed = self._segment_lost = False
        if self.blocked_by is not None:
            self.blocked_by = None
            self._actions.append(BlockedChanged(None))

    @property
    def waits_in_vain(self) -> bool:
        """Whether it is Backup, has heard of no Active since it started, and could be it."""
        started = self.state is State.BACKUP and self.reason in _STARTS
        return started and self.active_address is None and self._discarded is None and not self.ailments

    def _wait(self, expected: Reason, now_ns: int) -> None:
        """Start the down timer."""
        self._expected = expected
        self._silent_since_ns = now_ns
        self._reset_deadline()

    def _reset_deadline(self) -> None:
        """Set the down timer by what is in force now, counted from when it was started; before it, the first question."""
        self.deadline_ns = self._down_ns()
        if self._asks():
            interval_cs = self._active_interval_cs
            question_ns = cs_to_ns(interval_cs) if self._witnessed else first_question_ns(interval_cs)
            self.deadline_ns = min(self.deadline_ns, self._silent_since_ns + question_ns)

    def _down_ns(self) -> int:
        """When to take over."""
        claim_ns = self._claim_from_ns if self._is_first_claim() else 0
        if self._expected is Reason.NOBODY_ACTIVE:
            return max(self._silent_since_ns, claim_ns)
        return max(self._silent_since_ns + self._wait_ns(), self._held_until_ns, claim_ns)

    def _is_first_claim(self) -> bool:
        """Whether nothing was heard of an Active since we started: not even that it leaves."""
        heard = self.active_address is not None or self._discarded is not None
        return not heard and self._expected is not Reason.PRIORITY_ZERO and self.reason in _STARTS

    def _wait_ns(self) -> int:
        skew_ns = skew_time_ns(self.priority, self._active_interval_cs, self.config.version)
        if self._waits_behind:
            skew_ns += last_resort_delay_ns(self.config.rank, self._active_interval_cs)
        if self._expected is Reason.PRIORITY_ZERO:
            return skew_ns
        return active_down_interval_ns(skew_ns, self._active_interval_cs)

    def _change_config_in_backup(self, config: VirtualRouterConfig, now_ns: int) -> None:
        """The interval of an Active that we heard stays in force; else ours counts, but never rings earlier for it.

        Version 2 learns no interval: ours counts, from when we have it.
        """
        before_ns = self._silent_since_ns + self._wait_ns()
        self._replace_config(config)
        learned = self.active_address is not None and config.version is Version.V3
        if not learned and self._active_interval_cs != config.advertisement_interval_cs:
            self._active_interval_cs = config.advertisement_interval_cs
            self._silent_since_ns = max(now_ns, before_ns - self._wait_ns())
        self._reset_deadline()

    # ---- RFC 9568 §6.4.3

    def _in_active(self, event: Event, now_ns: int) -> None:
        if self._handover_reason is not None:
            self._while_handing_over(event, now_ns)
            return
        match event:
            case AdvertReceived(advert) if advert.source == self._deaf_to and self._is_stray(advert, now_ns):
                pass
            case TimerFired() if self._proof_limit_ns is not None and now_ns >= self._proof_limit_ns:
                self._hand_over(Reason.SEGMENT_LOST, now_ns, self._doubted_by)
            case TimerFired():
                self._advertise(now_ns)
                self._keep_cadence(now_ns)
                self._announce_if_owed(now_ns)
            case AdvertReceived(advert) if advert.priority == 0:
                if self._may_answer(now_ns):
                    self._advertise(now_ns)
                    self._restart_advert_timer(now_ns)
            case AdvertReceived(advert) if advert.priority > self.priority:
                self._yield_to(advert, Reason.HIGHER_PRIORITY, now_ns)
            case AdvertReceived(advert) if advert.priority == self.priority and self._is_higher(advert.source):
                self._yield_to(advert, Reason.HIGHER_ADDRESS, now_ns)
            case AdvertReceived():  # it loses: tell it at once, and tell the switches
                self._answer_loser(now_ns)
            case Shutdown(hand_over=True) if self.config.hand_over:
                self._hand_over(Reason.SHUTDOWN, now_ns)
            case Shutdown():
                self._started = False
                self._leave()
                self._become_initialize(_parting(event))
            case HandoverWanted(by, priority) if self._is_better(by, priority):
                self._hand_over(Reason.HIGHER_PRIORITY, now_ns, by)
            case HandoverAsked():  # we are: it has not heard it
                self._actions.append(AnswerHandover())
            case Released():  # our addresses go on living, refreshed by the other engine
                self._started = False
                self._become_initialize(_parting(event))
            case FaultsChanged(faults):
                self.faults = faults
                if faults:
                    self._leave()
                    self._become_initialize(Reason.FAULT)
            case HealthChanged(ailments, _, warming):
                self.warming = warming
                self._change_health_in_active(ailments, now_ns)
            case ConfigChanged(config):
                self._change_config_in_active(config, now_ns)
            case LocalAddressChanged(address):
                self.local_address = self.active_address = address
            case Startup() | Adopted():
                pass
            case PeerIsActive(by) if by == self._deaf_to and now_ns < self._deaf_until_ns:
                pass
            case PeerIsActive() if self.config.witness:
                self._hear_other_active(event, now_ns)
            case SegmentDoubted(by):
                self._prove_segment(by, now_ns)
            case SegmentProven():
                self._proof_limit_ns, self._proven_ns = None, now_ns
            case HandoverTaken() | HandoverRefused() | HandoverImpossible() | HandoverWanted():
                pass
            case PeerIsActive() | NobodyActive() | AddressAnswered():
                pass
            case _:
                assert_never(event)

    def _is_higher(self, source: IPAddress) -> bool:
        """Unsigned, in network byte order."""
        return int(source) > int(self.local_address)

    def _yield_to(self, advert: Advert, reason: Reason, now_ns: int) -> None:
        """With a last advert. The winner must know that there were two: whoever learned our MAC address while the
        segment was parted asks us until the winner announces itself, and it does so for losers that it has heard."""
        self._actions += (RemoveAddresses(self.config.all_addresses), SendAdvert(self.priority))
        self._become_backup(reason, now_ns, after=advert)

    def _answer_loser(self, now_ns: int) -> None:
        """New in RFC 9568. The Adver_Timer runs on: others' adverts never disturb our own.

        The last word to the switches is ours: what can't be announced now is announced with a later advert, since the
        loser may have announced itself again until it heard us.
        """
        self._announcement_owed = True
        if not self._may_answer(now_ns):
            return
        self._advertise(now_ns)
        self._announce_if_owed(now_ns)

    def _announce_if_owed(self, now_ns: int) -> None:
        if self._announcement_owed and now_ns >= self._next_announce_ns:
            self._announcement_owed = False
            self._next_announce_ns = now_ns + ANNOUNCE_SPACING_NS
            self._actions.append(Announce(self.config.all_addresses))

    def _may_answer(self, now_ns: int) -> bool:
        if now_ns < self._next_answer_ns:
            return False
        self._next_answer_ns = now_ns + ANSWER_SPACING_NS
        return True

    def _change_health_in_active(self, ailments: frozenset[str], now_ns: int) -> None:
        was_ill = bool(self.ailments)
        self.ailments = ailments
        if self._releases or (ailments and not was_ill):
            self._give_up_ill(now_ns)
        elif was_ill and not ailments:
            self._advertise(now_ns)  # before others preempt the priority 1 that they know
            self._restart_advert_timer(now_ns)

    def _give_up_ill(self, now_ns: int) -> None:
        if self.config.hand_over:
            self._hand_over(Reason.UNHEALTHY, now_ns)
            return
        self._leave()
        if self._releases:
            self._become_initialize(Reason.UNHEALTHY)
        else:
            self._become_backup(Reason.UNHEALTHY, now_ns, expected=Reason.PRIORITY_ZERO)

    def _change_config_in_active(self, config: VirtualRouterConfig, now_ns: int) -> None:
        old = self.config
        before = (self.priority, old.advertisement_interval_cs, old.addresses, _form(old))
        self._replace_config(config)
        removed = tuple(address for address in old.all_addresses if address not in config.all_addresses)
        added = tuple(address for address in config.all_addresses if address not in old.all_addresses)
        if removed:
            self._actions.append(RemoveAddresses(removed))
        if before != (self.priority, config.advertisement_interval_cs, config.addresses, _form(config)):
            self._advertise(now_ns)
            self._restart_advert_timer(now_ns)
        if added:
            self._actions += (AddAddresses(added), Announce(added))
        if self._releases:
            self._give_up_ill(now_ns)

    # ---- in Active, with peers

    def hears_segment(self, now_ns: int) -> bool:
        """Whether we, as Active, could show a moment ago that we hear our segment."""
        good_ns = proof_limit_ns(self.config.advertisement_interval_cs)
        return self._proven_ns is not None and now_ns - self._proven_ns <= good_ns

    def listens_to_peers(self, now_ns: int) -> bool:
        """Whether what a peer says of itself could change anything: as long as adverts come, it can't."""
        if self.state is State.BACKUP:
            missed = now_ns - self._silent_since_ns >= 2 * cs_to_ns(self._active_interval_cs)
            return missed or self._witnessed or self.active_address is None
        return self.state is State.ACTIVE

    def _hear_other_active(self, other: PeerIsActive, now_ns: int) -> None:
        """Its adverts would have settled it, if they arrived. Who does not hear the segment has no word in it."""
        if not other.on_segment:
            self._prove_segment(other.by, now_ns)
        if (other.on_segment or other.hears_segment) and self._is_better(other.by, other.priority):
            advert = Advert(other.by, self.config.vrid, other.priority, other.interval_cs, ())
            self._yield_to(advert, Reason.HIGHER_PRIORITY, now_ns)

    def _prove_segment(self, by: IPAddress, now_ns: int) -> None:
        """A proof is good for one interval."""
        interval_cs = self.config.advertisement_interval_cs
        fresh = self._proven_ns is not None and now_ns - self._proven_ns < cs_to_ns(interval_cs)
        if fresh or self._proof_limit_ns is not None or now_ns < self._doubts_count_ns:
            return
        self._doubted_by = by
        self._proof_limit_ns = now_ns + proof_limit_ns(interval_cs)
        self._actions.append(ProveSegment())

    # ---- handing over: Active, and silent

    def _hand_over(self, reason: Reason, now_ns: int, to: IPAddress | None = None) -> None:
        self._handover_reason, self._handover_began_ns, self._handover_heard = reason, now_ns, None
        self.deadline_ns = now_ns + HANDOVER_ANSWER_NS
        self._actions.append(HandOver(to))

    def _while_handing_over(self, event: Event, now_ns: int) -> None:
        match event:
            case HandoverTaken(by):
                self._end_handover(by, now_ns)
            case HandoverRefused(_, others=True) if now_ns < self._handover_began_ns + HANDOVER_LIMIT_NS:
                self.deadline_ns = now_ns + HANDOVER_ANSWER_NS
                self._actions.append(HandOver(again=True))
            case TimerFired() | HandoverRefused() | HandoverImpossible():
                self._end_handover(None, now_ns)
            case AdvertReceived(advert) if advert.priority and self._may_follow_us(advert):
                self._handover_heard = advert  # its answer may follow, or be lost
            case Shutdown():
                self._handover_reason = Reason.SHUTDOWN
            case FaultsChanged(faults):
                self.faults = faults
                if faults:
                    self._leave()
                    self._become_initialize(Reason.FAULT)
            case HealthChanged():
                self._note_health(event)
            case ConfigChanged(config):
                gone = tuple(item for item in self.config.all_addresses if item not in config.all_addresses)
                if gone:
                    self._actions.append(RemoveAddresses(gone))
                self._replace_config(config)
            case Released():
                self._started = False
                self._become_initialize(Reason.RELEASED)
            case LocalAddressChanged(address):
                self.local_address = self.active_address = address
            case HandoverAsked():
                self._actions.append(AnswerHandover(HandoverRefusal.LEAVING))
            case SegmentProven():
                self._proof_limit_ns, self._proven_ns = None, now_ns
            case AdvertReceived() | Startup() | Adopted() | HandoverWanted():
                pass
            case PeerIsActive() | NobodyActive() | SegmentDoubted() | AddressAnswered():
                pass
            case _:
                assert_never(event)

    def _may_follow_us(self, advert: Advert) -> bool:
        """A better one that wanted the addresses is heard by its priority. Of a lower one it is the last word: we have
        preempted it a moment ago."""
        return self._handover_reason is not Reason.HIGHER_PRIORITY or self._is_better(advert.source, advert.priority)

    def _end_handover(self, by: IPAddress | None, now_ns: int) -> None:
        """`by`: who is Active now. None: nobody said so; adverts of another may, or be the last word of a loser, so
        that priority 0 is said all the same: whoever is Active answers it, and else nobody waits for long."""
        heard, reason = self._handover_heard, self._handover_reason
        assert reason is not None
        if by is not None:
            self._actions.append(RemoveAddresses(self.config.all_addresses))
        elif heard is None and reason is not Reason.SHUTDOWN and not self.ailments:
            self._stay(now_ns)
            return
        else:
            self._leave()
        if reason is Reason.SHUTDOWN:
            self._started = False
            self._become_initialize(reason)
        elif self._releases:
            self._become_initialize(reason)
        elif heard is not None:
            self._become_backup(reason, now_ns, after=heard)
        elif by is not None:
            self._become_backup(reason, now_ns)
            self.active_address = by
            self._reset_deadline()  # it is known whom to ask
        else:
            self._become_backup(reason, now_ns, expected=Reason.PRIORITY_ZERO)

    def _stay(self, now_ns: int) -> None:
        """What made us leave is over, and nobody has taken over."""
        if self._handover_reason is Reason.SEGMENT_LOST:
            self._doubts_count_ns = now_ns + DOUBT_AGAIN_NS
        self._handover_reason = self._proof_limit_ns = None
        if self._is_stale(now_ns):
            self._give_up_stale(now_ns)
            return
        self.damped = False
        self._advertise(now_ns)
        self._actions.append(AddAddresses(self.config.all_addresses))  # some may be new since
        self._restart_advert_timer(now_ns)

    def _is_better(self, by: IPAddress, priority: int) -> bool:
        return priority > self.priority or (priority == self.priority and self._is_higher(by))

    def _is_stray(self, advert: Advert, now_ns: int) -> bool:
        """Sent before the handover, and here after it. A priority 0 is none: it says that the other goes."""
        return advert.priority != 0 and now_ns < self._deaf_until_ns

    def _is_stale(self, now_ns: int) -> bool:
        """Whether we are Active and so late that somebody else may be, too. While handing over the limit of that counts."""
        if self.last_advert_ns is None or self._handover_reason is not None:
            return False
        return now_ns - self.last_advert_ns > self._patience_ns()

    def _give_up_stale(self, now_ns: int) -> None:
        self._recovered_ns = now_ns
        self._actions.append(RemoveAddresses(self.config.all_addresses))
        self._become_backup(Reason.STALE_CLOCK, now_ns)

    def _patience_ns(self) -> int:
        return patience_ns(self.config.advertisement_interval_cs)

    def _advertise(self, now_ns: int) -> None:
        self.last_advert_ns = now_ns
        self._actions.append(SendAdvert(self.priority))

    def _restart_advert_timer(self, now_ns: int) -> None:
        self.deadline_ns = now_ns + cs_to_ns(self.config.advertisement_interval_cs)

    def _keep_cadence(self, now_ns: int) -> None:
        """The next beat of the old rhythm, unless we are so late that it would follow on this one's heels."""
        assert self.deadline_ns is not None
        interval_ns = cs_to_ns(self.config.advertisement_interval_cs)
        self.deadline_ns += interval_ns
        if self.deadline_ns - now_ns < interval_ns // 2:
            self._restart_advert_timer(now_ns)

    def _leave(self) -> None:
        """Give the addresses up and say so where we can: nobody may answer for them once the others have heard."""
        self._actions.append(RemoveAddresses(self.config.all_addresses))
        if not self.faults & MUTE_FAULTS:
            self._actions.append(SendAdvert(0))

    # ---- entering a state

    def _become_initialize(self, reason: Reason) -> None:
        self.deadline_ns = None
        self.last_advert_ns = None
        self.active_address = None
        self._handover_reason = None
        self._unblock()
        self._enter(State.INITIALIZE, reason)

    def _become_backup(
        self, reason: Reason, now_ns: int, *, after: Advert | None = None, expected: Reason = Reason.NO_RESPONSE
    ) -> None:
        """Wait for the Active that sent `after`, or, with none known, for anybody by our own interval."""
        self.last_advert_ns = None
        self.reason = reason  # what is waited for depends on it
        self._handover_reason = None
        self._witnessed = False
        self._segment_lost = reason is Reason.SEGMENT_LOST
        self._held_until_ns = 0
        if after is not None:
            self._follow(after, now_ns)
        else:
            self.active_address = self._discarded = None
            self._active_interval_cs = self.config.advertisement_interval_cs
            self._wait(expected, now_ns)
        self._enter(State.BACKUP, reason)

    def _become_active(self, reason: Reason, now_ns: int) -> None:
        """Advert first, then addresses and announcements: the order of §6.4.2."""
        self.active_address = self.local_address
        self.damped = False
        self.takeover_ns = None
        self._proof_limit_ns = self._proven_ns = None
        self._announcement_owed = False
        self._advertise(now_ns)
        self._actions += (AddAddresses(self.config.all_addresses), Announce(self.config.all_addresses))
        self._restart_advert_timer(now_ns)
        self._unblock()
        self._enter(State.ACTIVE, reason)

    def _enter(self, state: State, reason: Reason) -> None:
        self._actions.append(StateChanged(self.state, state, reason))
        self.state = state
        self.reason = reason

    def _replace_config(self, config: VirtualRouterConfig) -> None:
        if (config.vrid, config.family) != (self.config.vrid, self.config.family):
            raise ValueError("another VRID or family is another virtual router")
        self.config = config


def _form(config: VirtualRouterConfig) -> tuple[object, ...]:
    """What of the configuration changes the form of our adverts, not what they say."""
    return config.version, config.checksum, config.password, config.transport


def _parting(event: Shutdown | Released) -> Reason:
    return Reason.SHUTDOWN if isinstance(event, Shutdown) else Reason.RELEASED
