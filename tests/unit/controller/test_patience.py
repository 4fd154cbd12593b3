from vipkeeper.controller.changes import Apply, Delete
from vipkeeper.controller.kinds import CONFIGMAP
from vipkeeper.controller.patience import FIRST_PAUSE_S, LONGEST_PAUSE_S, Patience


def change(content: str = "a", name: str = "one") -> Apply:
    return Apply(CONFIGMAP, {"metadata": {"name": name}, "data": {"key": content}}, "")


def test_the_first_time_is_now() -> None:
    assert Patience().wait_until(change(), 0) is None


def test_the_same_again_waits() -> None:
    patience = Patience()
    patience.attempted(change(), 0)
    assert patience.wait_until(change(), 0.1) == FIRST_PAUSE_S
    assert patience.wait_until(change(), FIRST_PAUSE_S) is None


def test_another_content_another_object_and_another_verb_go_ahead() -> None:
    patience = Patience()
    patience.attempted(change(), 0)
    assert patience.wait_until(change("b"), 0.1) is None
    assert patience.wait_until(change(name="two"), 0.1) is None
    assert patience.wait_until(Delete(CONFIGMAP, "one", "uid", ""), 0.1) is None


def test_pauses_grow_up_to_a_limit() -> None:
    patience = Patience()
    now = 0.0
    pauses = []
    for _ in range(12):
        patience.attempted(change(), now)
        until = patience.wait_until(change(), now)
        assert until is not None
        pauses.append(until - now)
        now = until
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_what_was_long_ago_is_forgiven() -> None:
    patience = Patience()
    for now in (0.0, 1.0, 5.0):
        patience.attempted(change(), now)
    patience.attempted(change(), 10_000)
    assert patience.wait_until(change(), 10_000) == 10_000 + FIRST_PAUSE_S


def test_another_object_of_the_same_name_is_deleted_at_once() -> None:
    patience = Patience()
    patience.attempted(Delete(CONFIGMAP, "one", "first", ""), 0)
    assert patience.wait_until(Delete(CONFIGMAP, "one", "second", ""), 0) is None
