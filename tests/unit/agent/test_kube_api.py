from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.agent.api_server import ApiServer
from vipkeeper.agent.kube_api import ApiAccess, ApiRefused, ApiUnreachable, KubeApi, namespaced


def test_paths_of_the_core_group_and_of_others() -> None:
    assert namespaced("v1", "ns", "pods", "a") == "/api/v1/namespaces/ns/pods/a"
    assert namespaced("apps/v1", "ns", "daemonsets") == "/apis/apps/v1/namespaces/ns/daemonsets"


def test_the_cluster_tells_its_address_by_environment_also_an_ipv6_one() -> None:
    access = ApiAccess.in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    assert access.url == "https://[fd00::1]:443"


def test_a_refusal_has_the_status_and_the_words_of_the_server(api: KubeApi) -> None:
    with pytest.raises(ApiRefused, match="404: not found") as refusal:
        api.get("/api/v1/namespaces/ns/configmaps/virtualip-none")
    assert refusal.value.status == 404


def test_a_server_that_is_down_is_unreachable(server: ApiServer, api: KubeApi) -> None:
    server.stop()
    with pytest.raises(ApiUnreachable):
        api.get("/api/v1/namespaces/ns/configmaps/a")


def test_a_token_that_is_not_there_yet_is_like_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(ApiUnreachable):
        KubeApi(ApiAccess("http://127.0.0.1:1", tmp_path)).get("/x")


def make_certificate(folder: Path) -> None:
    """ca.crt and key for 127.0.0.1, in place of the ones before."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "ca.crt"],
        check=True,
        capture_output=True,
        cwd=folder,
    )


@contextmanager
def tls_server(folder: Path, seen: list[str | None]) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", folder / "key")
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_token_is_read_anew_for_each_request(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    seen: list[str | None] = []
    with tls_server(tmp_path, seen) as port:
        api = KubeApi(ApiAccess(f"https://127.0.0.1:{port}", tmp_path))
        for token in ("one", "two"):
            (tmp_path / "token").write_text(f"{token}\n")
            assert api.get("/x") == {}
    assert seen == ["Bearer one", "Bearer two"]


def test_another_ca_is_believed_once_its_file_changed_and_not_before(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        make_certificate(folder)
    (ours / "token").write_text("token")
    with tls_server(theirs, []) as port:
        api = KubeApi(ApiAccess(f"https://127.0.0.1:{port}", ours))
        with pytest.raises(ApiUnreachable, match=r"(?i)certificate verify failed"):
            api.get("/x")
        (theirs / "ca.crt").replace(ours / "ca.crt")
        assert api.get("/x") == {}
