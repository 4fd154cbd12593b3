"""operator/vipkeeper/spec/conflicts.py"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from tests.unit.spec.objects import NOON, document, parsed, report, speaker
from vipkeeper.spec.conflicts import Claim, Verdict, claim_of, judge, rivals, running_claim, segments_of


def claim(
    name: str,
    *addresses: str,
    age_s: int = 0,
    vrid: int | None = 51,
    nodes: str = "n1 n2",
    segments: str = "",
    separate: bool = False,
) -> Claim:
    versions = tuple(dict.fromkeys(ip_address(address).version for address in addresses))
    return Claim(
        name=name,
        uid=f"uid-{name}",
        created_at=NOON - timedelta(seconds=age_s),
        addresses=tuple(ip_address(address) for address in addresses),
        vrid=vrid,
        nodes=frozenset(nodes.split()),
        segments=frozenset(segments.split()),
        elections=versions if separate else versions[:1],
    )


OLD = claim("old", "192.0.2.10", age_s=60)


def test_the_older_keeps_the_address_whatever_the_order_and_the_newer_is_told_whose_it_is() -> None:
    new = claim("new", "192.0.2.9", "192.0.2.10", vrid=52)
    for wanted in ([OLD, new], [new, OLD]):
        verdicts = judge(wanted, {})
        assert verdicts["old"].accepted
        assert verdicts["new"].problems == ("spec.addresses[1]: 192.0.2.10 belongs to VirtualIP old, which is older",)
        assert not verdicts["new"].keeps_running


def test_of_two_of_one_second_the_lower_uid_is_older() -> None:
    verdicts = judge([claim("b", "192.0.2.10"), claim("a", "192.0.2.10")], {})
    assert [name for name, verdict in verdicts.items() if verdict.accepted] == ["a"]


def test_every_conflict_is_told_at_once() -> None:
    verdict = judge([OLD, claim("new", "192.0.2.10")], {})["new"]
    assert [problem.split(":")[0] for problem in verdict.problems] == ["spec.addresses[0]", "spec.vrid"]


@pytest.mark.parametrize(
    ("other", "accepted"),
    [
        (claim("new", "192.0.2.11"), False),
        (claim("new", "192.0.2.11", vrid=52), True),
        (claim("new", "192.0.2.11", vrid=None), True),
        (claim("new", "2001:db8::11"), True),
        (claim("new", "192.0.2.11", nodes="n3"), True),
        (claim("new", "192.0.2.11", nodes="n2 n3"), False),
    ],
    ids=["same", "other vrid", "no vrid yet", "other family", "no common node", "a common node"],
)
def test_a_vrid_is_taken_within_a_family_where_placements_overlap(other: Claim, accepted: bool) -> None:
    assert judge([OLD, other], {})["new"].accepted is accepted


def test_reported_segments_count_more_than_nodes() -> None:
    here, there = "192.0.2.0/24", "198.51.100.0/24"
    old = claim("old", "192.0.2.10", age_s=9, segments=here)
    assert judge([old, claim("new", "198.51.100.10", segments=there)], {})["new"].accepted
    apart = judge([old, claim("new", "192.0.2.11", nodes="n3", segments=here)], {})["new"]
    assert apart.problems == (
        (
            f"spec.vrid: 51 belongs to VirtualIP old, which is older, on the same segment ({here});"
            " choose another, or leave it out to have one allocated"
        ),
    )


def test_who_is_refused_takes_nothing_from_a_third_one() -> None:
    bad = claim("bad", "192.0.2.10", "192.0.2.11", age_s=30, vrid=52)
    third = claim("third", "192.0.2.11", vrid=53)
    assert judge([OLD, bad, third], {})["third"].accepted


def test_a_bad_edit_leaves_what_runs_where_it_is_and_defended() -> None:
    edited = claim("edited", "192.0.2.10", "192.0.2.20", age_s=30, vrid=52)
    runs = claim("edited", "192.0.2.20", age_s=30, vrid=52)
    newest = claim("newest", "192.0.2.20", vrid=53)
    verdicts = judge([OLD, edited, newest], {"edited": runs})
    assert not verdicts["edited"].accepted
    assert verdicts["edited"].keeps_running
    assert verdicts["newest"].problems == ("spec.addresses[0]: 192.0.2.20 belongs to VirtualIP edited, which is older",)


def test_an_older_object_edited_onto_an_address_that_runs_elsewhere_is_refused_and_nothing_moves() -> None:
    before = claim("old", "192.0.2.9", age_s=60)
    runs = claim("new", "192.0.2.10", vrid=52)
    verdicts = judge([OLD, runs], {"old": before, "new": runs})
    assert verdicts["new"] == Verdict()
    assert verdicts["old"].problems == (
        "spec.addresses[0]: 192.0.2.10 belongs to VirtualIP new, which holds it already",
    )
    assert verdicts["old"].keeps_running


def test_what_runs_is_withdrawn_when_its_edit_fails_and_somebody_holds_a_part_of_it() -> None:
    holder = claim("holder", "192.0.2.10", vrid=52)
    both = claim("both", "192.0.2.10", "192.0.2.11", vrid=53)
    edited = claim("both", "192.0.2.10", "192.0.2.12", vrid=53)
    verdict = judge([holder, edited], {"holder": holder, "both": both})["both"]
    assert not verdict.accepted
    assert not verdict.keeps_running


def test_the_last_good_document_of_an_object_with_a_bad_spec_keeps_its_address() -> None:
    new = claim("new", "192.0.2.10", vrid=52)
    verdicts = judge([new], {"old": OLD})
    assert verdicts["old"] == Verdict()
    assert not verdicts["new"].accepted


def test_rivals_are_those_whose_vrids_must_be_avoided() -> None:
    others = [OLD, claim("v6", "2001:db8::1"), claim("far", "192.0.2.12", nodes="n9"), claim("near", "192.0.2.13")]
    assert [item.name for item in rivals(claim("near", "192.0.2.13"), others)] == ["old"]


def test_a_claim_wants_its_own_vrid_else_the_pinned_one() -> None:
    assert claim_of(parsed(vrid=7), ["n1"], []).vrid == 7
    assert claim_of(parsed(), ["n1"], []).vrid is None
    item = claim_of(parsed(addresses=["2001:db8::10", "192.0.2.10/24"]), ["n1"], [])
    assert (item.elections, item.nodes, item.addresses[1]) == ((6,), frozenset(["n1"]), ip_address("192.0.2.10"))


def test_what_runs_claims_what_its_document_says() -> None:
    item = running_claim(document("n1", "n2"), NOON, [])
    assert (item.vrid, item.nodes, len(item.addresses)) == (51, frozenset(["n1", "n2"]), 2)


def test_segments_are_those_reported_for_the_object_itself() -> None:
    spoken = [
        speaker("n1", report("Backup", segment="192.0.2.0/24"), report("Active", name="api", segment="10.0.0.0/8")),
        speaker("n2", report("Backup", segment="192.0.2.128/25")),
    ]
    assert segments_of("web", [ip_address("10.1.1.1")], spoken) == {"192.0.2.0/24", "192.0.2.128/25"}


def test_before_that_they_are_those_known_segments_that_hold_its_address() -> None:
    spoken = [speaker("n1", report("Backup", segment="192.0.2.0/24"), report("Backup", name="x", segment="nonsense"))]
    assert segments_of("new", [ip_address("192.0.2.77")], spoken) == {"192.0.2.0/24"}
    assert segments_of("new", [ip_address("198.51.100.1")], spoken) == frozenset()
    assert segments_of("new", [ip_address("2001:db8::1")], spoken) == frozenset()


def test_who_elects_in_both_families_takes_its_vrid_in_both() -> None:
    both = claim("both", "192.0.2.20", "2001:db8::20", separate=True)
    together = claim("together", "192.0.2.20", "2001:db8::20")
    six = claim("six", "2001:db8::30", age_s=60)
    assert judge([six, together], {})["together"].accepted
    (problem,) = judge([six, both], {})["both"].problems
    assert problem.startswith("spec.vrid: 51 belongs to VirtualIP six, which is older")
    twice = judge([claim("old", "192.0.2.21", "2001:db8::21", separate=True, age_s=60), both], {})["both"]
    assert len(twice.problems) == 1, "the same VRID of the same object is told once"
    assert [item.name for item in rivals(both, [OLD, six])] == ["old", "six"]


def test_segments_are_compared_within_a_family() -> None:
    """One family is reported, the other one not yet: there the nodes count."""
    both = claim("both", "192.0.2.20", "2001:db8::20", separate=True, segments="192.0.2.0/24")
    far = claim("far", "198.51.100.1", "2001:db8::40", separate=True, segments="198.51.100.0/24 2001:db8::/64")
    assert rivals(both, [far]) == (far,)
    apart = replace(both, segments=frozenset({"192.0.2.0/24", "2001:db8:1::/64"}))
    assert rivals(apart, [far]) == ()
