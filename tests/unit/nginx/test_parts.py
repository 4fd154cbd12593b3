"""operator/vipkeeper/nginx/parts.py"""

from __future__ import annotations

from dataclasses import replace

from tests.unit.spec.objects import document
from vipkeeper.nginx.parts import NginxParts

OLD = document("w1")
NEW = replace(OLD, generation=2)
OTHER = replace(document("w1"), name="other")


def refusals(parts: NginxParts) -> list[tuple[str, int, str]]:
    return [(item.document, item.generation, item.message) for item in parts.refusals()]


def test_a_refused_document_gives_way_to_what_ran_and_then_to_nothing() -> None:
    parts = NginxParts([OLD, OTHER])
    assert parts.choose([NEW, OTHER]) == (NEW, OTHER)
    assert parts.refuse(NEW, "spec.nginx", "no")
    assert parts.choose([NEW, OTHER]) == (OLD, OTHER)
    assert parts.refuse(NEW, "spec.nginx", "not even that")
    assert parts.choose([NEW, OTHER]) == (OTHER,)
    assert not parts.refuse(NEW, "spec.nginx", "what else")
    assert refusals(parts) == [("web", 2, "no")], "the first reason is the user's"


def test_what_never_ran_or_is_unchanged_is_left_out_at_once() -> None:
    for good in ((), (NEW,)):
        parts = NginxParts(good)
        assert parts.refuse(NEW, "spec.nginx", "no")
        assert parts.choose([NEW]) == ()


def test_an_edited_document_is_tried_again_and_so_is_everything_when_asked() -> None:
    parts = NginxParts([OLD])
    parts.refuse(NEW, "spec.nginx", "no")
    newer = replace(NEW, generation=3)
    assert parts.choose([newer]) == (newer,)
    assert parts.refusals() == ()
    parts.refuse(newer, "spec.nginx", "no")
    parts.forget()
    assert parts.choose([newer]) == (newer,)


def test_a_refusal_goes_with_its_document() -> None:
    parts = NginxParts()
    parts.refuse(NEW, "spec.nginx", "no")
    parts.choose([OTHER])
    assert parts.refusals() == ()


def test_what_ran_is_news_once() -> None:
    parts = NginxParts()
    assert parts.ran([NEW])
    assert not parts.ran([NEW])
    assert parts.good == {"web": NEW}
