"""Every file of tests/golden/bad_specs is refused for real, with field and reason, and no node notices.

A VirtualIP that is good runs meanwhile, so speakers are there that could do something wrong.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.errors import CommandFailed
from tests.cluster.paths import ROOT
from tests.e2e.conftest import BLUE, temporary_vip
from tests.e2e.support import kube
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import Vip, http_of

FILES = sorted((ROOT / "tests/golden/bad_specs").glob("*.yaml"))
BY_THE_API_SERVER = [file for file in FILES if "# Refused by: the API server" in file.read_text()]
BY_THE_CONTROLLER = [file for file in FILES if "# Refused by: the controller" in file.read_text()]
RENDERED = "app.kubernetes.io/component=virtualip"

GOOD_ADDRESSES = {"192.0.2.10"}
"""Of the good document in a file about a conflict."""

pytestmark = pytest.mark.keeps_order


@pytest.fixture(scope="module")
def good(lab: Lab) -> Iterator[Vip]:
    """It runs meanwhile; and in the end the pods and documents are those of the beginning."""
    with temporary_vip(lab, {"vrid": 141, "nginx": http_of(BLUE)}) as vip:
        vip.wait_until_settled()
        kube.wait_for_pods(lab.cluster)
        before = _pods_and_documents(lab)
        yield vip
        assert _pods_and_documents(lab) == before


@pytest.fixture(autouse=True)
def _no_address_comes_or_goes(lab: Lab, good: Vip) -> Iterator[None]:
    """On any node, but for those of objects that are good."""
    begin_ns = time.monotonic_ns()
    yield
    assert not [change for change in lab.owners.changes(begin_ns) if str(change.address) not in GOOD_ADDRESSES]
    assert lab.owners.owners(good.address)


def test_there_are_at_least_twenty_five_of_them() -> None:
    assert len(BY_THE_API_SERVER) + len(BY_THE_CONTROLLER) == len(FILES) >= 25


@pytest.mark.parametrize("file", BY_THE_API_SERVER, ids=lambda file: file.stem)
def test_the_api_server_refuses(lab: Lab, file: Path) -> None:
    (bad,) = _documents(file)
    try:
        lab.cluster.apply(json.dumps(bad), "--validate=strict")
    except CommandFailed as refused:
        _says_field_and_reason(file, refused.output)
        return
    Vip(lab.cluster, bad["metadata"]["name"], []).delete()
    pytest.fail("it was taken")


@pytest.mark.parametrize("file", BY_THE_CONTROLLER, ids=lambda file: file.stem)
def test_the_controller_refuses(lab: Lab, file: Path) -> None:
    *good_ones, bad = _documents(file)
    refused = Vip(lab.cluster, bad["metadata"]["name"], [])
    try:
        for one in good_ones:
            lab.cluster.apply(json.dumps(one))
            Vip(lab.cluster, one["metadata"]["name"], []).wait_for("Ready")
        lab.cluster.apply(json.dumps(bad))
        lab.cluster.kubectl("wait", "--for=condition=Accepted=False", f"vip/{refused.name}", "--timeout=30s")
        _says_field_and_reason(file, refused.condition("Accepted")["message"])
        assert not refused.status.get("activeNode")
    finally:
        for one in (bad, *good_ones):
            Vip(lab.cluster, one["metadata"]["name"], []).delete()
        for address in GOOD_ADDRESSES:
            lab.owners.wait_for(address, [], 30)


def _documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def _says_field_and_reason(file: Path, said: str) -> None:
    head = dict(re.findall(r"^# (Field|Message): (.*)$", file.read_text(), re.MULTILINE))
    assert head["Field"] in said
    assert head["Message"] in said


def _pods_and_documents(lab: Lab) -> tuple[set[str], set[str]]:
    rendered = kube.items(lab.cluster, "configmaps", "-n", NAMESPACE, "-l", RENDERED)
    return kube.pod_uids(lab.cluster), {item["metadata"]["name"] for item in rendered}
