"""nginx in the cluster beyond plain HTTP: certificates from a Secret, an nginx.conf from a ConfigMap, and what nginx
refuses. What each field does is tested in tests/netns/test_nginx_serving.py and test_nginx_tls.py.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import BLUE, Figure, MakeVip
from tests.e2e.support import elsewhere
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import BUSY_MS
from tests.e2e.support.virtualips import Vip, http_of
from tests.e2e.support.waiting import wait_until

SOON_S = 30.0
ENDPOINT_MS = 1000.0 + BUSY_MS
"""From the change of an EndpointSlice to the first answer by what it names: promised is a second."""
HOST = "secure.example.com"


def _apply(lab: Lab, kind: str, name: str, **members: object) -> None:
    metadata = {"name": name, "namespace": NAMESPACE}
    lab.cluster.apply(json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata, **members}))


def _certificate(lab: Lab, folder: Path, serial: int) -> Path:
    """Made anew, signed by itself, in the Secret."""
    key, crt = folder / f"{serial}.key", folder / f"{serial}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-set_serial", str(serial)]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    data = {"tls.crt": crt.read_text(), "tls.key": key.read_text()}
    _apply(lab, "Secret", "e2e-certificate", type="kubernetes.io/tls", stringData=data)
    return crt


def _answers_https(lab: Lab, vip: Vip, certificate: Path) -> bool:
    trusted = ["--cacert", str(certificate), "--resolve", f"{HOST}:443:{vip.address}"]
    return lab.client.run(["curl", "-fsS", "-m", "5", *trusted, f"https://{HOST}/"], check=False).returncode == 0


def test_a_certificate_reaches_the_nodes_and_so_does_the_next_one(lab: Lab, vip: MakeVip, tmp_path: Path) -> None:
    first = _certificate(lab, tmp_path, 1)
    try:
        (server,) = http_of(BLUE)["http"]
        one = vip({"nginx": {"http": [server | {"port": 443, "tls": {"secretRef": {"name": "e2e-certificate"}}}]}})
        wait_until("the first certificate is served", lambda: _answers_https(lab, one, first), SOON_S)
        second = _certificate(lab, tmp_path, 2)
        wait_until("the second certificate is served", lambda: _answers_https(lab, one, second), SOON_S)
        assert not _answers_https(lab, one, first)
    finally:
        lab.cluster.kubectl("delete", "secret", "e2e-certificate", "-n", NAMESPACE)


def test_what_nginx_refuses_is_told_with_its_field_and_what_ran_before_serves_on(lab: Lab, vip: MakeVip) -> None:
    one = vip({"nginx": http_of(BLUE)})
    one.wait_for("Ready")
    lab.answering(one.address)
    (server,) = http_of(BLUE)["http"]
    one.patch({"nginx": {"http": [server | {"snippet": "bogus on;"}]}})
    lab.cluster.kubectl("wait", "--for=condition=NginxReady=False", f"vip/{one.name}", "--timeout=30s")
    message = one.condition("NginxReady")["message"]
    assert 'spec.nginx.http[0].snippet: unknown directive "bogus"' in message
    assert lab.http_answer(one.address)
    other = vip({"nginx": http_of(BLUE)})
    other.wait_for("Ready")
    lab.answering(other.address)
    one.patch({"nginx": http_of(BLUE)})
    lab.cluster.kubectl("wait", "--for=condition=NginxReady=True", f"vip/{one.name}", "--timeout=30s")


def test_an_nginx_conf_follows_its_config_map(lab: Lab, vip: MakeVip) -> None:
    text = 'events {} http { server { listen 80; return 200 "%s\\n"; } }'
    _apply(lab, "ConfigMap", "e2e-nginx", data={"nginx.conf": text % "one"})
    try:
        own = vip({"nginx": {"configMapRef": {"name": "e2e-nginx"}}})
        wait_until("the file is served", lambda: lab.http_answer(own.address) == "one", SOON_S)
        _apply(lab, "ConfigMap", "e2e-nginx", data={"nginx.conf": text % "two"})
        wait_until("its change is served", lambda: lab.http_answer(own.address) == "two", SOON_S)
    finally:
        lab.cluster.kubectl("delete", "configmap", "e2e-nginx", "-n", NAMESPACE)


def _endpoints(ready: object, unready: object) -> str:
    """A Service without pods, its port by name, and where it leads."""
    metadata: dict[str, Any] = {"name": "e2e-elsewhere", "namespace": "default"}
    service: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    service |= {"spec": {"ports": [{"name": "web", "port": 8080}]}}
    labels = {"kubernetes.io/service-name": "e2e-elsewhere"}
    endpoints = [
        {"addresses": [str(address)], "conditions": {"ready": good}}
        for address, good in ((ready, True), (unready, False))
    ]
    there: dict[str, Any] = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata | {"labels": labels},
    }
    there |= {"addressType": "IPv4", "ports": [{"name": "web", "port": 80}], "endpoints": endpoints}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, there]})


def test_only_ready_endpoints_are_asked_and_a_change_counts_within_a_second(
    lab: Lab, vip: MakeVip, figure: Figure
) -> None:
    upstream = {"service": {"namespace": "default", "name": "e2e-elsewhere", "port": "web"}}
    with elsewhere.machines(lab.cluster) as machines:
        (first, first_at), (second, second_at) = machines.items()
        lab.cluster.apply(_endpoints(first_at, second_at))
        try:
            one = vip({"nginx": {"http": [{"port": 80, "upstream": upstream}]}})
            wait_until("the ready endpoint answers", lambda: lab.http_answer(one.address), SOON_S)
            assert {lab.http_answer(one.address).split()[0] for _ in range(6)} == {first}
            took_ms = []
            for ready, at, unready_at in ((second, second_at, first_at), (first, first_at, second_at)) * 2:
                time.sleep(1.5)  # so that it is not the second change within a second
                lab.cluster.apply(_endpoints(at, unready_at))
                began = time.monotonic()
                wait_until("the other one answers", lambda: ready in lab.http_answer(one.address), SOON_S, 0.05)  # noqa: B023
                took_ms.append((time.monotonic() - began) * 1000)
            figure("from a change of endpoints to the first answer (best of 4)", min(took_ms), ENDPOINT_MS)
        finally:
            lab.cluster.kubectl("delete", "service,endpointslice", "e2e-elsewhere", "-n", "default")
