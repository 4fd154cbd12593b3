"""A planned move: the user says where to, nobody notices, and the address stays until it is released."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.demo.screen import Screen
from tests.demo.stage import ANSWER_S, QUIET_AFTER_S, QUIET_BEFORE_S, Stage, show_gap
from tests.e2e.support.waiting import wait_until

ANNOTATION = "vipkeeper.dev/move-to"


def show(screen: Screen, stage: Stage) -> None:
    home: str = stage.vip.status["activeNode"]
    target = _last_in_line(stage)
    screen.act(f"the user moves the address from {home} to {target}, the node of lowest priority")
    try:
        _annotate(screen, stage, f"{ANNOTATION}={target}", target)
        wait_until("the move is done", lambda: _move(stage).get("phase") == "Done", ANSWER_S)
        screen.command(f"kubectl get vip {stage.vip.name} -o jsonpath='{{.status.move}}'")
        screen.output(json.dumps(_move(stage)))
        stage.show_vip(screen)
        screen.act("and releases it: priorities decide again")
        _annotate(screen, stage, f"{ANNOTATION}-", home)
        stage.show_vip(screen)
    finally:
        stage.cluster.kubectl("annotate", "vip", stage.vip.name, f"{ANNOTATION}-")


def _annotate(screen: Screen, stage: Stage, annotation: str, node: str) -> None:
    screen.command(f"kubectl annotate vip {stage.vip.name} {annotation}")
    with stage.probing() as (pings, requests):
        time.sleep(QUIET_BEFORE_S)
        stage.cluster.kubectl("annotate", "vip", stage.vip.name, annotation)
        stage.vip.wait_until_active_is(node, ANSWER_S)
        time.sleep(QUIET_AFTER_S)
        show_gap(screen, pings.stop(), requests.stop())
    stage.vip.wait_for("Ready", ANSWER_S)


def _move(stage: Stage) -> dict[str, Any]:
    return dict(stage.vip.status.get("move") or {})


def _last_in_line(stage: Stage) -> str:
    nodes = [node for node in stage.vip.status["nodes"] if node["state"] == "Backup"]
    name: str = min(nodes, key=lambda node: int(node["priority"]))["name"]
    return name
