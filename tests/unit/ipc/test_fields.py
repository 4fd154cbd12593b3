"""operator/vipkeeper/ipc/fields.py"""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from vipkeeper.ipc.fields import BadDocument, Fields


def problems(fields: Fields) -> list[str]:
    with pytest.raises(BadDocument) as caught:
        fields.finish()
    return caught.value.problems


def test_good_members_come_out_typed() -> None:
    fields = Fields({"a": "text", "b": True, "c": 3, "d": "2001:db8::1", "e": ["x", "y"], "f": ["::1"]})
    assert (fields.text("a"), fields.flag("b", False), fields.number("c", 1, 3)) == ("text", True, 3)
    assert (fields.address("d"), fields.texts("e")) == (IPv6Address("2001:db8::1"), ("x", "y"))
    assert fields.addresses("f") == (IPv6Address("::1"),)
    fields.finish()


def test_numbers_are_whole_and_in_bounds() -> None:
    fields = Fields({"a": [1, 255], "b": [0], "c": [True], "d": 5, "e": ["1"]})
    assert (fields.numbers("a", 1, 255), fields.numbers("nothing", 1, 255)) == ((1, 255), ())
    assert [fields.numbers(name, 1, 255) for name in "bcde"] == [()] * 4
    assert problems(fields) == [f"{name}: is not a list of whole numbers in 1..255" for name in "bcde"]


def test_absent_members_take_their_default() -> None:
    fields = Fields({})
    assert (fields.text("a", "x"), fields.flag("b", True), fields.number("c", 1, 9, 5)) == ("x", True, 5)
    assert (fields.texts("d"), fields.children("e"), fields.named_children("f")) == ((), [], {})
    assert fields.addresses("g") == ()
    fields.finish()


def test_a_choice_is_one_of_the_known_and_the_first_by_default() -> None:
    fields = Fields({"a": "y", "b": 3, "c": True, "d": "z"})
    assert (fields.choice("a", ("x", "y")), fields.choice("b", (2, 3)), fields.choice("nothing", (2, 3))) == ("y", 3, 2)
    assert (fields.choice("c", (2, 1)), fields.choice("d", ("x", "y"))) == (2, "x")
    assert problems(fields) == ["c: True is not one of 2, 1", "d: 'z' is not one of x, y"]


def test_every_problem_is_told_at_once_with_its_path() -> None:
    fields = Fields({"number": 300, "text": 1, "list": [{"inner": "x"}, 7], "nodes": {"n1": {"priority": True}}})
    fields.number("number", 1, 255)
    fields.text("text")
    fields.text("nothing")
    for child in fields.children("list"):
        child.address("inner")
    fields.named_children("nodes")["n1"].number("priority", 1, 254)
    assert problems(fields) == [
        "number: 300 is not in 1..255",
        "text: is int, not a text",
        "nothing: is missing",
        "list[1]: is int, not an object",
        "list[0].inner: 'x' is not an IP address",
        "list[1].inner: is missing",
        "list[1].inner: '' is not an IP address",
        "nodes.n1.priority: is bool, not a whole number",
    ]


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_a_problem_of_the_document(value: object) -> None:
    assert problems(Fields(value)) == [f"document: is {type(value).__name__}, not an object"]


def test_a_list_where_an_object_should_be_and_the_other_way_round() -> None:
    fields = Fields({"list": {}, "object": [], "texts": [1], "flag": "yes"})
    fields.children("list")
    fields.named_children("object")
    fields.texts("texts")
    fields.flag("flag", True)
    assert problems(fields) == [
        "list: is dict, not a list",
        "object: is list, not an object",
        "texts: is not a list of texts",
        "flag: is str, not true or false",
    ]
