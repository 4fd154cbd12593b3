"""A placement's Secret, and the Role that names it."""

from vipkeeper.render.daemonset import Anchor
from vipkeeper.render.placement_secret import render_placement_secret, render_secrets_role


def test_the_secret_has_the_name_of_its_daemonset_and_goes_with_the_chart() -> None:
    secret = render_placement_secret("default", {"b_x": "eA==", "a_x": "eQ=="}, "vk", Anchor("uid"))
    assert secret["metadata"]["name"] == "vipkeeper-speaker-default"
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "uid"
    assert list(secret["data"]) == ["a_x", "b_x"]


def test_the_role_names_each_secret_and_lets_nothing_be_written() -> None:
    (rule,) = render_secrets_role({"p-1", "default"}, "vk", Anchor("uid"))["rules"]
    assert rule["resourceNames"] == ["vipkeeper-speaker-default", "vipkeeper-speaker-p-1"]
    assert rule["verbs"] == ["get", "list", "watch"]


def test_without_placements_the_role_allows_nothing() -> None:
    """A rule without names would mean every Secret of the namespace."""
    assert render_secrets_role([], "vk", Anchor("uid"))["rules"] == []
