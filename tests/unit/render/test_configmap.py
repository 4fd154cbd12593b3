"""operator/vipkeeper/render/configmap.py; tests/golden/configmap.yaml goes to a real API server in the e2e tests."""

from __future__ import annotations

import pytest

from tests.golden import assert_golden_yaml
from tests.unit.spec.objects import UID, document
from vipkeeper.ipc.fields import BadDocument
from vipkeeper.render.configmap import read_configmap, render_configmap


def test_the_whole_object() -> None:
    rendered = render_configmap(document("worker1", "worker2"), "vipkeeper")
    assert_golden_yaml("configmap.yaml", rendered)


def test_it_is_owned_by_the_virtualip_so_that_deleting_works_without_us() -> None:
    (owner,) = render_configmap(document("worker1"), "vipkeeper")["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("VirtualIP", "web", UID)
    assert owner["blockOwnerDeletion"] is False


def test_what_is_read_is_what_was_rendered_and_equal_documents_are_equal_texts() -> None:
    one, same = document("worker1", "worker2"), document("worker1", "worker2")
    assert read_configmap(render_configmap(one, "vipkeeper")) == one
    assert render_configmap(one, "vipkeeper") == render_configmap(same, "vipkeeper")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "data.virtualip.json: is missing"),
        ({"data": None}, "data.virtualip.json: is missing"),
        ({"data": {"virtualip.json": "{"}}, "data.virtualip.json: is not JSON"),
        ({"data": {"virtualip.json": "{}"}}, "vrid: is missing"),
    ],
)
def test_what_cannot_be_read_is_a_bad_document(value: dict[str, object], problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        read_configmap(value)
    assert problem in str(caught.value)
