"""operator/vipkeeper/spec/names.py"""

from __future__ import annotations

import pytest

from vipkeeper.spec import names


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("web", True),
        ("w", True),
        ("web-1", True),
        ("0", True),
        ("n" * 63, True),
        ("n" * 64, False),
        ("", False),
        ("Web", False),
        ("a.b", False),
        ("-a", False),
        ("a-", False),
        ("web\n", False),
    ],
)
def test_a_virtualip_is_named_by_a_dns_label(name: str, good: bool) -> None:
    assert names.is_virtualip_name(name) is good


def test_names_of_derived_objects_are_those_of_the_architecture() -> None:
    assert names.configmap_name("web") == "virtualip-web"
    assert names.daemonset_name("p-0a1b2c3d") == "vipkeeper-speaker-p-0a1b2c3d"
    assert names.speaker_name("default", "worker1") == "default.worker1"
    assert names.lease_name("default", "worker1") == "vipkeeper.default.worker1"


def test_the_agents_selector_finds_rendered_configmaps_of_its_placement_only() -> None:
    terms = dict(term.split("=") for term in names.placement_selector("default").split(","))
    assert terms.items() <= names.virtualip_labels("default", "web").items()
    assert not terms.items() <= names.virtualip_labels("p-0a1b2c3d", "web").items()
    assert not terms.items() <= names.speaker_labels("default").items()
