"""The page of conformance is whole, true and fresh."""

from __future__ import annotations

from tests.conformance import HOSTILE, PAGE, RULES, exists, numbered_tests, problems, read_table, render


def test_every_rule_and_hostile_packet_has_a_test_or_a_reason() -> None:
    assert len(read_table()) == RULES + HOSTILE
    assert problems() == []


def test_the_page_is_what_make_conformance_would_write() -> None:
    assert PAGE.read_text() == render(), "docs/conformance.md is stale: run `make conformance`"


def test_numbers_are_found_in_names_marks_ids_and_playbooks() -> None:
    found = numbered_tests()
    assert any("test_rule_61_" in test for test in found["rule", 61])
    assert any("test_authentication.py" in test for test in found["rule", 22])
    assert any("test_a_datagram_that_is_no_advert" in test for test in found["hostile", 34])
    assert any("backup.playbook::rule_57_" in test for test in found["rule", 57])


def test_a_test_that_is_gone_is_noticed() -> None:
    here = "tests/unit/test_conformance.py::test_a_test_that_is_gone_is_noticed"
    assert exists(here)
    assert not exists(here + "_not")
    assert not exists("tests/unit/test_nothing.py::test_nothing")
