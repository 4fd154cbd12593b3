"""TLS of `spec.nginx` with certificates made by openssl: what the agent writes, what real nginx then serves.

Covers nginx/certificates.py and the certificate files of nginx/files.py.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.sidecar import READINESS_PORT
from tests.netns.test_nginx_serving import ONE, VIP, Serving, document, serving
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.nginx.certificates import pin
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.spec.speaker import NginxReport

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv", "curl", "openssl")]

Secrets = dict[str, bytes]
SITE = f"""
http:
- {{port: 80, hostnames: [one.example.com], redirect: {{scheme: https}}}}
- {{port: 443, hostnames: [one.example.com], tls: {{secretRef: {{name: one}}}}, {ONE}}}
- {{port: 443, hostnames: [two.example.com], tls: {{secretRef: {{namespace: shop, name: two}}}}, {ONE}}}
- {{port: 444, tls: {{secretRef: {{name: one}}, http2: false, minVersion: TLSv1.3}}, {ONE}}}
stream:
- {{port: 5432, tls: {{secretRef: {{name: one}}}}, upstream: {{servers: [{{address: 127.0.0.1, port: 9001}}]}}}}
"""


def certificate(folder: Path, host: str, serial: int) -> Secrets:
    """Signed by itself; as the keys of a Secret."""
    key, crt = folder / f"{host}-{serial}.key", folder / f"{host}-{serial}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-set_serial", str(serial),
         "-keyout", str(key), "-out", str(crt)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    name = {"one": "one", "two": "_shop_two"}[host.split(".")[0]]
    return {f"{name}_tls.crt": crt.read_bytes(), f"{name}_tls.key": key.read_bytes()}


class Site:
    def __init__(self, machine: Serving, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.secrets = certificate(folder, "one.example.com", 1) | certificate(folder, "two.example.com", 2)

    def want(self, secrets: Secrets, *others: RenderedVirtualIP) -> Wanted:
        pinned = pin(document("web", SITE, VIP), secrets.get)
        incomplete = {} if pinned.missing is None else {"web": pinned.missing}
        wanted = Wanted((pinned.document, *others), READINESS_PORT, {}, pinned.files, incomplete)
        self.machine.configurator.want(wanted)
        return wanted

    def serve(self, secrets: Secrets) -> None:
        self.machine.until_runs(self.want(secrets).render().generation)

    def until_refused(self) -> NginxReport:
        while not (report := self.machine.reports.get(timeout=30)).refused:
            pass
        return report

    def curl(self, host: str, *arguments: str, port: int = 443, serial: int = 1) -> str:
        known = self.folder / f"{host}-{serial}.crt"
        resolve = ("--cacert", str(known), "--resolve", f"{host}:{port}:{VIP}")
        return self.machine.curl(*resolve, f"https://{host}:{port}/", *arguments)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving() as machine:
        made = Site(machine, tmp_path_factory.mktemp("certificates"))
        made.serve(made.secrets)
        yield made


def test_each_host_name_has_its_certificate_and_http_2(site: Site) -> None:
    for host, serial in (("one.example.com", 1), ("two.example.com", 2)):
        assert '"x-forwarded-proto": "https"' in site.curl(host, "--http2", serial=serial)
    form = ("-o", "/dev/null", "-w", "%{http_version}")
    assert site.curl("one.example.com", "--http2", *form) == "2"
    assert site.curl("one.example.com", "--http1.1", *form) == "1.1"
    assert site.curl("one.example.com", "--http2", *form, port=444) == "1.1", "http2: false"


def test_old_versions_and_unknown_names_are_refused(site: Site) -> None:
    for arguments in (("--tls-max", "1.1"), ("--tls-max", "1.2")):
        with pytest.raises(subprocess.CalledProcessError):
            site.curl("one.example.com", *arguments, port=444)
    with pytest.raises(subprocess.CalledProcessError):
        site.machine.curl("-k", "--resolve", f"three.example.com:443:{VIP}", "https://three.example.com/")


def test_plain_http_is_led_to_https(site: Site) -> None:
    form = "%{http_code} %{redirect_url}"
    assert (
        site.machine.status(f"http://{VIP}/a?b", "-H", "Host: one.example.com", form=form)
        == "301 https://one.example.com/a?b"
    )


def test_a_stream_ends_tls(site: Site) -> None:
    program = (
        "import ssl; c = ssl._create_unverified_context(); "
        f"s = c.wrap_socket(socket.create_connection(('{VIP}', 5432), 10)); s.sendall(b'hello\\n'); print(s.recv(100))"
    )
    assert site.machine.python(program) == "b'got hello\\n'"


def test_only_the_group_of_nginx_reads_the_files(site: Site) -> None:
    folder = site.machine.sidecar.run / "tls"
    files = list(folder.iterdir())
    assert len(files) == 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o640}
    assert folder.stat().st_mode & 0o007 == 0


def test_a_new_certificate_is_taken_and_the_old_file_goes_in_time(site: Site) -> None:
    site.serve(site.secrets | certificate(site.folder, "one.example.com", 3))
    assert site.curl("one.example.com", serial=3)
    assert site.curl("two.example.com", serial=2)
    site.serve(site.secrets)


def test_a_key_of_another_certificate_is_told_with_its_field_and_the_old_pair_keeps_serving(site: Site) -> None:
    other = document("other", f"http: [{{port: 8080, {ONE}}}]", "192.0.2.20")
    site.want(site.secrets | {"one_tls.key": site.secrets["_shop_two_tls.key"]}, other)
    report = site.until_refused()
    (refused,) = report.refused
    assert refused.field == "spec.nginx.http[1].tls"
    assert "key values mismatch" in refused.message
    assert site.curl("one.example.com")
    assert site.machine.ask("http://192.0.2.20:8080/")["server"] == "one", "others are served"
    site.serve(site.secrets)


def test_a_secret_that_has_not_come_is_told_and_the_old_one_keeps_serving(site: Site) -> None:
    site.want({name: value for name, value in site.secrets.items() if "two" not in name})
    report = site.until_refused()
    assert report.refused[0].field == "spec.nginx.http[2].tls"
    assert report.refused[0].message == "Secret shop/two has not come to this node yet"
    assert site.curl("two.example.com", serial=2)
    site.serve(site.secrets)
