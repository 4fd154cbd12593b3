"""operator/vipkeeper/spec/nginx_text.py"""

from __future__ import annotations

import crossplane
import pytest
from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.spec.nginx_text import BadText, parse


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("", []),
        ("# nothing\n", []),
        ("gzip on;", [("gzip", ["on"], None)]),
        ("a; # end", [("a", [], None)]),
        ("location ~ \\.php$ { deny all; }", [("location", ["~", "\\.php$"], [("deny", ["all"], None)])]),
        ("if ($a = b) { return 200 'x;}'; }", [("if", ["$a", "=", "b"], [("return", ["200", "x;}"], None)])]),
    ],
)
def test_directives(text: str, directives: list[object]) -> None:
    def shown(items: list[dict[str, object]]) -> list[object]:
        return [(i["directive"], i["args"], shown(i["block"]) if "block" in i else None) for i in items]  # type: ignore[arg-type]

    assert shown(parse(text)) == directives


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gzip on", "line 1: the text ends within a directive"),
        ("\n} server {", 'line 2: unexpected "}"'),
        ("a;\nb { c;", 'line 2: the block of "b" is not closed by "}"'),
        ("return 200 'x;", "line 1: the text ends within a directive, a block or a quotation"),
        ("'x", "line 1: the text ends within"),
        ("a { b }", 'line 1: "b" is not ended by ";"'),
        (";", 'line 1: unexpected ";"'),
    ],
)
def test_what_is_not_whole_in_itself_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(BadText) as caught:
        parse(text)
    assert problem in str(caught.value)


@given(some.text(alphabet="ab{};'\"\\ \n#$", max_size=30))
def test_whatever_is_taken_can_be_written_and_is_closed(text: str) -> None:
    """The block around a snippet ends where ours ends it."""
    try:
        directives = parse(text)
    except BadText:
        return
    block = [{"directive": "server", "args": [], "block": directives}, {"directive": "after", "args": []}]
    again = parse(crossplane.build(block))
    assert [item["directive"] for item in again] == ["server", "after"]
