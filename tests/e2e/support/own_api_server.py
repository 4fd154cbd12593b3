"""An API server of a test's own: etcd, kube-apiserver and two controllers, on loopback, in a folder that vanishes.

For tests of the operator alone. They can stop and start the API server, take away a right, and create nodes that do
not exist; the cluster of the other tests, and the operator that runs there, never notice. The programs are those that
the test cluster was built from. Nobody plays kubelet: a test that needs a Ready pod says so in the pod's status.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from ssl import create_default_context

import yaml

from tests.e2e.support.waiting import wait_until

ADMIN_TOKEN = "admin-token"
CONTROLLER_TOKEN = "controller-token"
NAMESPACE = "vipkeeper"
CONTROLLER_USER = f"system:serviceaccount:{NAMESPACE}:vipkeeper-controller"
_USERS = f'{ADMIN_TOKEN},admin,admin,"system:masters"\n{CONTROLLER_TOKEN},{CONTROLLER_USER},controller,"system:serviceaccounts,system:authenticated"\n'
_WRITES = ["create", "update", "patch", "delete", "deletecollection"]
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [CONTROLLER_USER], "verbs": _WRITES}, {"level": "None"}],
}
_CONTROLLERS = "garbage-collector-controller,daemonset-controller"


class OwnApiServer:
    """etcd is `etcd`, the rest is stopped and started as wanted."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._ports = {name: _free_port() for name in ("etcd", "etcd-peer", "api", "manager")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._audit_log = folder / "audit.log"
        self._certificate = folder / "api/apiserver.crt"
        (folder / "users.csv").write_text(_USERS)
        (folder / "audit-policy.yaml").write_text(yaml.safe_dump(_AUDIT_POLICY))
        key = str(folder / "service-account.key")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)

    def start(self) -> None:
        etcd = f"http://127.0.0.1:{self._ports['etcd']}"
        peer = f"http://127.0.0.1:{self._ports['etcd-peer']}"
        self._spawn(
            "etcd", "server", "--data-dir", str(self._folder / "etcd"), "--unsafe-no-fsync", "--log-level=error",
            f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
        )  # fmt: skip
        self.start_api_server()

    def start_controllers(self) -> None:
        """After the CRDs are made: the garbage collector looks for new kinds only each 30 s."""
        self._spawn(
            "manager", "kube-controller-manager", f"--kubeconfig={self.kubeconfig(ADMIN_TOKEN)}",
            f"--secure-port={self._ports['manager']}", f"--controllers={_CONTROLLERS}", "--leader-elect=false",
            f"--cert-dir={self._folder / 'manager'}",
        )  # fmt: skip

    def start_api_server(self) -> None:
        key = self._folder / "service-account.key"
        self._spawn(
            "api", "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            f"--secure-port={self._ports['api']}", "--bind-address=127.0.0.1", f"--cert-dir={self._folder / 'api'}",
            f"--token-auth-file={self._folder / 'users.csv'}", "--authorization-mode=RBAC",
            "--service-account-issuer=https://test", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", "--service-cluster-ip-range=10.111.0.0/24",
            "--disable-admission-plugins=ServiceAccount,Priority,TaintNodesByCondition", "--endpoint-reconciler-type=none",
            f"--audit-policy-file={self._folder / 'audit-policy.yaml'}", f"--audit-log-path={self._audit_log}",
        )  # fmt: skip
        wait_until("the API server answers", self._is_ready, 60)

    def crash_api_server(self) -> None:
        """SIGKILL: connections are reset."""
        self._end("api", kill=True)

    def restart_api_server(self) -> None:
        """After a crash. The controllers begin anew: after an outage their own pauses are as long as half a minute."""
        self._end("manager")
        self.start_api_server()
        self.start_controllers()

    def stop(self) -> None:
        for name in reversed(list(self._processes)):  # an API server without etcd ends slowly
            self._end(name)

    def kubeconfig(self, token: str) -> Path:
        path = self._folder / f"kubeconfig-{token}"
        cluster = {"server": f"https://127.0.0.1:{self._ports['api']}", "certificate-authority": str(self._certificate)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "own", "cluster": cluster}],
            "users": [{"name": "own", "user": {"token": token}}],
            "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}],
            "current-context": "own",
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        command = [str(self._programs / "kubectl"), f"--kubeconfig={self.kubeconfig(ADMIN_TOKEN)}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def get(self, *arguments: str) -> list[dict[str, object]]:
        """The objects that `kubectl get` finds."""
        answer = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        found: list[dict[str, object]] = answer["items"] if answer["kind"].endswith("List") else [answer]
        return found

    def writes_of_the_controller(self) -> list[str]:
        """Every write that the operator has asked for, as "verb path": the audit log tells, not the operator."""
        if not self._audit_log.exists():
            return []
        entries = [json.loads(line) for line in self._audit_log.read_text().splitlines() if line.endswith("}")]
        return [f"{entry['verb']} {entry['requestURI'].partition('?')[0]}" for entry in entries]

    def helm_template(self, chart: Path, *arguments: str) -> str:
        command = [str(self._programs / "helm"), "template", "vipkeeper", str(chart), "-n", NAMESPACE, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def _spawn(self, name: str, program: str, *arguments: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            command = [str(self._programs / program), *arguments]
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)

    def _end(self, name: str, kill: bool = False) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _is_ready(self) -> bool:
        if (code := self._processes["api"].poll()) is not None:
            raise AssertionError(f"kube-apiserver ended with {code}: {_tail(self._folder / 'api.log')}")
        url = f"https://127.0.0.1:{self._ports['api']}/readyz"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        try:
            with urllib.request.urlopen(
                request, context=create_default_context(cafile=self._certificate), timeout=2
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def own_api_server(programs: Path) -> Iterator[OwnApiServer]:
    folder = Path(tempfile.mkdtemp(prefix="vipkeeper-api-"))
    server = OwnApiServer(programs, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def environment(kubeconfig: Path, **more: str) -> Mapping[str, str]:
    """For a process that talks to it."""
    return {**os.environ, "KUBECONFIG": str(kubeconfig), **more}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2000:]
