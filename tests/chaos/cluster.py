"""A chaos on the kind cluster: one VirtualIP with nginx, every node's kernel watched, a client on the segment.

Run by tests/e2e/test_chaos.py; longer by `python -m tests.chaos --cluster`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import takewhile

from tests.chaos.checker import Checker, Times
from tests.chaos.client import Client
from tests.chaos.cluster_faults import PROMISES, ClusterFault, ClusterStep, draw
from tests.chaos.faults import Judged, Promise
from tests.e2e.support import kube
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import BUSY_MS
from tests.e2e.support.speakers import Speaker
from tests.e2e.support.virtualips import Vip
from tests.e2e.support.waiting import wait_until

QUIET_LIMIT_S = 150
"""The kubelet's back-off after the second death of a container, and a pod that starts."""
CALM_S = 1.5


class ClusterChaos:
    def __init__(self, lab: Lab, vip: Vip, tell: Callable[[str], None]) -> None:
        self._lab = lab
        self._vip = vip
        self._tell = tell
        self.steps: Counter[str] = Counter()

    def run(self, seed: int, seconds: float) -> list[str]:
        """What was broken, at the first step that broke something."""
        with Client(self._lab.client.namespace_path, str(self._vip.address)) as client:
            checker = Checker(self._lab.owners, client, (str(self._vip.address),), BUSY_MS)
            until = time.monotonic() + seconds
            self._wait_for_quiet(self._lab.workers[0], client)
            for step in takewhile(lambda _step: time.monotonic() < until, draw(seed, self._lab.workers)):
                self._tell(str(step))
                found = self._one_step(step, PROMISES[step.fault], checker)
                self.steps[step.fault.name] += 1
                if found:
                    return found
        return []

    def _one_step(self, step: ClusterStep, promise: Promise, checker: Checker) -> list[str]:
        begun_ns = time.monotonic_ns()
        with self._fault(step):
            made_ns = time.monotonic_ns()
            time.sleep(step.seconds)
            ended_ns = time.monotonic_ns()
        undone_ns = time.monotonic_ns()
        found: list[str] = []
        try:
            self._wait_for_quiet(step.best, checker.client)
        except (AssertionError, TimeoutError) as error:
            found.append(str(error))
        # To find a port takes a second; the others have no owner of their own until the fault is made.
        judged_from_ns = made_ns if promise.judged is Judged.OTHERS else begun_ns
        times = Times(judged_from_ns, ended_ns, time.monotonic_ns())
        found += checker.violations(step, promise, times, [])
        marks = {"made": made_ns, "ended": ended_ns, "undone": undone_ns, "quiet": times.quiet_ns}
        when = " ".join(f"{name}={(at_ns - begun_ns) / 1e6:.0f}ms" for name, at_ns in marks.items())
        return [f"{step}: {line} ({when})\n{checker.story(times)}" for line in found]

    def _fault(self, step: ClusterStep) -> AbstractContextManager[None]:
        lab, speaker = self._lab, Speaker(self._lab.cluster, step.host)
        match step.fault:
            case ClusterFault.CUT:
                return lab.cut(step.host)
            case ClusterFault.CARRIER:
                return lab.carrier_down(step.host)
            case ClusterFault.PAUSE:
                return lab.paused(step.host)
            case ClusterFault.PARTITION:
                return self._rules(
                    lambda: lab.cluster.partition([step.host], [*step.others(), f"client:{lab.client.name}"])
                )
            case ClusterFault.BLOCK_VRRP:
                return self._rules(lab.cluster.block)
            case ClusterFault.API_AWAY:
                return lab.api_server_stopped()
            case ClusterFault.DELETE_POD:
                pod = kube.speaker_pod(lab.cluster, step.host)
                lab.cluster.kubectl("delete", "pod", pod.name, "-n", NAMESPACE, "--wait=false")
            case ClusterFault.KILL_ENGINE:
                speaker.kill(*speaker.engine_pids())
            case ClusterFault.KILL_SPEAKER:
                speaker.kill_containers("speaker")
            case ClusterFault.KILL_NGINX:
                speaker.kill_containers("nginx")
            case ClusterFault.EDIT:
                entries = [{"name": node, "priority": priority} for node, priority in step.priorities.items()]
                self._vip.patch({"nodes": {"priorities": entries}})
        return nullcontext()

    @contextmanager
    def _rules(self, make: Callable[[], None]) -> Iterator[None]:
        make()
        try:
            yield
        finally:
            self._lab.cluster.mend()

    def _wait_for_quiet(self, best: str, client: Client) -> None:
        """One owner, the best one; all pods ready; all others Backup; and the client is answered."""
        lab, vip = self._lab, self._vip
        kube.wait_for_pods(lab.cluster)
        deadline = time.monotonic() + QUIET_LIMIT_S
        while True:
            lab.owners.wait_for(vip.address, [best], max(1.0, deadline - time.monotonic()))
            since_ns = time.monotonic_ns()
            time.sleep(CALM_S)
            if all(span.owners == {best} for span in lab.owners.spans(vip.address, since_ns)):
                break
        wait_until("all nodes tell what they are", lambda: self._states() == self._wanted(best), QUIET_LIMIT_S)
        now_ns = time.monotonic_ns()
        wait_until(f"{best} answers the client", lambda: client.was_answered_since(now_ns), 5)

    def _states(self) -> dict[str, str]:
        return {item["name"]: item.get("state", "") for item in self._vip.status.get("nodes", [])}

    def _wanted(self, best: str) -> dict[str, str]:
        return {node: "Active" if node == best else "Backup" for node in self._lab.workers}
