"""`nginx -t` in a network namespace where foreign addresses may be bound, with the stream module where it is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

ALLOW_FOREIGN_ADDRESSES = (
    "ip link set lo up && echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind && echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind"
)
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
GLOBALS = (f"load_module {STREAM_MODULE}; " if STREAM_MODULE.exists() else "") + "error_log stderr warn;"


def in_namespace(command: str) -> list[str]:
    return ["unshare", "--net", "sh", "-c", f"{ALLOW_FOREIGN_ADDRESSES} && exec {command}"]


def nginx_says(folder: Path, text: str) -> str:
    """What nginx's test of `text` prints."""
    file = folder / "nginx.conf"
    file.write_text(text)
    command = f"nginx -t -e stderr -c {file} -g '{GLOBALS}'"
    return subprocess.run(in_namespace(command), capture_output=True, text=True, timeout=60, check=False).stderr


def make_certificate(file: Path) -> None:
    """Signed by itself, with its key in the same file."""
    file.parent.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*command, "-subj", "/CN=web", "-keyout", str(file), "-out", f"{file}.crt"], check=True, capture_output=True
    )
    file.write_text(Path(f"{file}.crt").read_text() + file.read_text())
