"""A file that is no journal, or not a whole one, is refused with its line and the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import vipkeeper
from tests.unit.journal.samples import Driven, advert
from vipkeeper.journal.file import BadJournal, compose, read
from vipkeeper.vrrp.events import AdvertReceived, Startup


@pytest.fixture
def text() -> str:
    driven = Driven()
    driven.tell(Startup(), 0)
    driven.tell(AdvertReceived(advert()), 1)
    return driven.text().decode()


def test_what_was_written_is_read(text: str) -> None:
    journal = read(text.encode(), vipkeeper.__version__)
    assert journal.header["node"] == "one"
    assert [router.label for router in journal.routers] == ["web"]
    assert [record.event for record in journal.routers[0].blocks[0].records] == [Startup(), AdvertReceived(advert())]


def test_documents_and_statuses_stand_before_the_history() -> None:
    lines = [*compose({"version": "1"}, [{"document": {"name": "web"}}, {"status": {"state": "Active"}}], [])]
    journal = read(b"".join(lines), "1")
    assert (journal.documents, journal.statuses) == ([{"name": "web"}], [{"state": "Active"}])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda _text: "", "line 0: the file is cut off"),
        (lambda text: "hello\n" + text, "line 1: is not JSON .* no journal"),
        (lambda _text: "[]\n", "line 1: is no JSON object"),
        (lambda _text: '{"kind":"VirtualIP"}\n', "line 1: is no header: this is no journal"),
        (lambda text: text.replace('Journal":1', 'Journal":7'), "line 1: is of format 7, of vipkeeper .*; .* reads 1"),
        (lambda text: text[: len(text) // 2], "is not JSON"),
        (lambda text: text.rpartition('{"end"')[0], "line 6: the file is cut off after this line"),
        (lambda text: text + "{}\n", "line 8: stands behind the end"),
        (lambda text: text.replace('"block"', '"bloc"'), "line 3: has none of"),
        (lambda text: text.replace('{"router":1,"label":"web"}\n', ""), "line 2: a block before any router"),
        (
            lambda text: text.replace('"at":0,"missed"', '"at":"now","missed"'),
            "line 3: at: 'now' is not a whole number",
        ),
        (lambda text: text.replace('["Startup"', '["Startdown"'), "line 5: a value of the kind 'Startdown'"),
        (
            lambda text: text.replace('"_started":false,', ""),
            "line 4: the core of .* is another one .*_started.* replay",
        ),
        (lambda text: text.replace('"event":["Startup",{}]', '"event":["ip","::1"]'), "line 5: .* is no event"),
        (lambda text: text.replace('"actions":[]', '"actions":5'), "line 6: actions are not a list"),
        (lambda text: text.replace('"end":7', '"end":9'), "line 7: is line 9 of the journal"),
    ],
)
def test_garbage_is_refused_with_the_line_and_the_reason(text: str, spoil: Callable[[str], str], why: str) -> None:
    with pytest.raises(BadJournal, match=why):
        read(spoil(text).encode(), vipkeeper.__version__)
