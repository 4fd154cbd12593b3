from vipkeeper.controller.content import contains, digest


def test_more_than_wanted_is_enough() -> None:
    assert contains({"a": 1, "b": {"c": 2, "default": 3}}, {"b": {"c": 2}})


def test_another_value_a_missing_member_and_another_type_are_seen() -> None:
    assert not contains({"a": 1}, {"a": 2})
    assert not contains({}, {"a": 1})
    assert not contains({"a": 1}, {"a": {"b": 1}})


def test_lists_are_compared_in_order_and_length() -> None:
    assert contains([{"a": 1, "b": 2}], [{"a": 1}])
    assert not contains([1, 2], [2, 1])
    assert not contains([1, 2, 3], [1, 2])


def test_an_empty_member_may_have_been_dropped_by_the_api_server() -> None:
    assert contains({}, {"tolerations": [], "emptyDir": {}})
    assert not contains({}, {"replicas": 0})


def test_a_digest_depends_on_content_and_not_on_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
