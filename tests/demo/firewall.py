"""The best known disaster of VRRP: a firewall that does not know it. Two owners with anything else, one with us."""

from __future__ import annotations

import time

from tests.cluster import faults
from tests.demo.screen import Screen
from tests.demo.stage import ANSWER_S, CLUSTER_COMMAND, QUIET_AFTER_S, Stage, show_gap
from tests.e2e.support.lab import namespace_of
from tests.e2e.support.owners import OwnerWatch
from tests.e2e.support.waiting import wait_until

VRRP = 112
CONDITION = "MulticastBlocked"
WATCHED_S = 5.0
"""Six times as long as a Backup waits before it takes an address from a silent Active."""


def show(screen: Screen, stage: Stage) -> None:
    active: str = stage.vip.status["activeNode"]
    blocked = _next_in_line(stage)
    screen.act(
        f"a firewall on {blocked}, the next in line, drops VRRP in both directions: it hears nothing of {active}"
    )
    for rule in faults.firewall(VRRP):
        screen.command(f"{CLUSTER_COMMAND} exec {blocked} -- nft '{rule}'")
    with OwnerWatch({node.name: namespace_of(node) for node in stage.cluster.nodes()}) as owners:
        with stage.probing() as (pings, requests):
            since_ns = time.monotonic_ns()
            stage.cluster.firewall(blocked)
            try:
                _show_one_owner(screen, stage, owners, since_ns)
                show_gap(screen, pings.stop(), requests.stop())
            finally:
                stage.cluster.firewall_off(blocked)
        _show_healing(screen, stage, blocked)
        assert not owners.longest_with_several(stage.address, since_ns, ()), owners.story(stage.address, since_ns)


def _show_one_owner(screen: Screen, stage: Stage, owners: OwnerWatch, since_ns: int) -> None:
    wait_until(f"condition {CONDITION}", lambda: stage.vip.condition(CONDITION).get("status") == "True", ANSWER_S)
    time.sleep(max(0.0, WATCHED_S - (time.monotonic_ns() - since_ns) / 1e9))
    path = f'{{.status.conditions[?(@.type=="{CONDITION}")].message}}'
    screen.command(f"kubectl get vip {stage.vip.name} -o jsonpath='{path}'")
    screen.output(stage.vip.condition(CONDITION)["message"])
    several = owners.longest_with_several(stage.address, since_ns, ())
    assert not several, owners.story(stage.address, since_ns)
    watched_s = (time.monotonic_ns() - since_ns) / 1e9
    screen.done(f"one owner in the kernels of all nodes, for {watched_s:.0f} s: it asked by unicast, and was answered")


def _show_healing(screen: Screen, stage: Stage, blocked: str) -> None:
    screen.act("the firewall is mended")
    screen.command(f"{CLUSTER_COMMAND} exec {blocked} -- nft '{faults.FIREWALL_OFF}'")
    wait_until(f"condition {CONDITION} is gone", lambda: not stage.vip.condition(CONDITION), ANSWER_S)
    time.sleep(QUIET_AFTER_S)
    screen.done(f"condition {CONDITION} has gone by itself, nothing has moved")
    stage.show_vip(screen)


def _next_in_line(stage: Stage) -> str:
    """The Backup of highest priority."""
    backups = [node for node in stage.vip.status["nodes"] if node["state"] == "Backup"]
    name: str = max(backups, key=lambda node: int(node["priority"]))["name"]
    return name
