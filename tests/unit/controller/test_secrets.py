"""The placements' Secrets: what is referred to and nothing else; the last good value stays."""

from base64 import b64encode

from vipkeeper.controller.changes import Apply, Delete
from vipkeeper.controller.kinds import ROLE, SECRET
from vipkeeper.controller.objects import RoleSeen, SecretSeen, parse
from vipkeeper.controller.secrets import keep_role, keep_secret
from vipkeeper.ipc.secret_kinds import SecretKind
from vipkeeper.render.daemonset import Anchor
from vipkeeper.spec.secrets import ForeignSecret, Place

ANCHOR = Anchor("uid")
GOOD, BETTER, BAD = (b64encode(text).decode() for text in (b"1" * 32, b"2" * 32, b"short"))
NEEDS = {"web_key-1": SecretKind.HMAC_KEY}


def seen(name: str, data: dict[str, str], type_: str = "Opaque", **labels: str) -> SecretSeen | None:
    labels = {key.replace("_", "/"): value for key, value in labels.items()}
    value = parse(SECRET, {"metadata": {"name": name, "uid": name, "labels": labels}, "type": type_, "data": data})
    assert value is None or isinstance(value, SecretSeen)
    return value


def keep(
    needs: dict[str, SecretKind], *secrets: SecretSeen | None, foreign: ForeignSecret | None = None
) -> Apply | Delete | None:
    """`foreign`: what was said of Secret web in namespace shop."""
    of_others = {Place("shop", "web"): foreign} if foreign else {}
    return keep_secret("default", needs, {item.name: item for item in secrets if item}, of_others, "vk", ANCHOR)


def applied(change: Apply | Delete | None) -> SecretSeen:
    assert isinstance(change, Apply)
    value = parse(SECRET, {**change.body, "metadata": {**change.body["metadata"], "uid": "ours"}})
    assert isinstance(value, SecretSeen)
    return value


def test_what_is_referred_to_is_copied_and_nothing_else() -> None:
    ours = applied(keep(NEEDS, seen("web", {"key-1": GOOD, "other": GOOD}), seen("api", {"key-1": BETTER})))
    assert (ours.name, ours.data) == ("vipkeeper-speaker-default", {"web_key-1": GOOD})
    assert keep(NEEDS, seen("web", {"key-1": GOOD}), ours) is None


def test_a_new_value_is_taken_and_a_bad_or_missing_one_is_not() -> None:
    ours = applied(keep(NEEDS, seen("web", {"key-1": GOOD})))
    assert applied(keep(NEEDS, seen("web", {"key-1": BETTER}), ours)).data == {"web_key-1": BETTER}
    assert keep(NEEDS, seen("web", {"key-1": BAD}), ours) is None
    assert keep(NEEDS, seen("web", {}), ours) is None
    assert keep(NEEDS, ours) is None


def test_one_of_another_namespace_has_its_own_place_and_stays_when_the_right_to_read_it_goes() -> None:
    needs = NEEDS | {"_shop_web_key-1": SecretKind.HMAC_KEY}
    own, foreign = seen("web", {"key-1": GOOD}), ForeignSecret(200, {"key-1": BETTER})
    ours = applied(keep(needs, own, foreign=foreign))
    assert ours.data == {"_shop_web_key-1": BETTER, "web_key-1": GOOD}
    for answer in (
        None,
        ForeignSecret(403),
        ForeignSecret(404),
        ForeignSecret(200, {"key-1": BAD}),
        ForeignSecret(200),
    ):
        assert keep(needs, own, ours, foreign=answer) is None
    assert applied(keep(needs, own, ours, foreign=ForeignSecret(200, {"key-1": GOOD}))).data == dict.fromkeys(
        needs, GOOD
    )


def test_without_any_need_there_is_no_secret() -> None:
    ours = applied(keep(NEEDS, seen("web", {"key-1": GOOD})))
    assert keep({}, seen("web", {"key-1": GOOD})) is None
    change = keep({}, ours)
    assert isinstance(change, Delete)
    assert change.uid == "ours"


def test_one_placement_s_secret_is_no_source_for_another() -> None:
    ours = applied(keep(NEEDS, seen("web", {"key-1": GOOD})))
    assert keep({"vipkeeper-speaker-default_web_key-1": SecretKind.HMAC_KEY}, ours) is not None
    assert isinstance(keep({"vipkeeper-speaker-default_web_key-1": SecretKind.HMAC_KEY}, ours), Delete)


def test_what_was_changed_by_hand_is_put_right() -> None:
    ours = applied(keep(NEEDS, seen("web", {"key-1": GOOD})))
    damaged = SecretSeen(ours.name, ours.uid, ours.placement, {"web_key-1": BAD, "more": GOOD}, ours.content)
    assert applied(keep(NEEDS, seen("web", {"key-1": GOOD}), damaged)).data == {"web_key-1": GOOD}


def test_large_secrets_of_helm_are_not_kept_in_memory() -> None:
    assert seen("sh.helm.release.v1.vipkeeper.v1", {"release": GOOD}, "helm.sh/release.v1") is None


def test_a_value_is_in_no_text() -> None:
    assert GOOD not in repr(seen("web", {"key-1": GOOD}))


def test_the_role_is_written_when_placements_change_and_not_again() -> None:
    change = keep_role({"default"}, None, "vk", ANCHOR)
    assert change is not None
    body = dict(change.body)
    role = parse(ROLE, {**body, "metadata": {**body["metadata"], "uid": "role"}})
    assert isinstance(role, RoleSeen)
    assert keep_role({"default"}, role, "vk", ANCHOR) is None
    assert keep_role({"default", "p-1"}, role, "vk", ANCHOR) is not None
