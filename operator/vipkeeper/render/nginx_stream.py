"""`server` blocks of nginx for `spec.nginx.stream`: connections and datagrams, passed on as they are.

Tests: tests/unit/render/test_nginx.py
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import StreamServer
from vipkeeper.render.nginx_directives import (
    ACCESS_LOG,
    Directive,
    block,
    directive,
    listen,
    mark,
    milliseconds,
    snippet,
    tls,
)
from vipkeeper.render.nginx_upstream import Endpoints, backends, upstream_block

COMBINED_LOG = (
    "$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time "
    '"$server_addr:$server_port" "$upstream_addr"'
)
JSON_LOG = (
    '{"time":"$time_iso8601","client":"$remote_addr","protocol":"$protocol","status":$status,"bytesSent":$bytes_sent,'
    '"bytesReceived":$bytes_received,"seconds":$session_time,"server":"$server_addr","port":$server_port,'
    '"upstream":"$upstream_addr"}'
)


def stream_settings(servers: list[StreamServer]) -> Iterator[Directive]:
    """For all servers of all VirtualIPs."""
    yield directive("proxy_connect_timeout", "2s")
    logs = {server.access_log for server in servers}
    if "Combined" in logs:
        yield directive("log_format", "vipkeeper_combined", COMBINED_LOG)
    if "JSON" in logs:
        yield directive("log_format", "vipkeeper_json", "escape=json", JSON_LOG)


def stream_blocks(document: RenderedVirtualIP, endpoints: Endpoints, tls_folder: str) -> Iterator[Directive]:
    """upstream and server blocks of one VirtualIP."""
    addresses = [item.address for item in document.addresses if not item.address.is_link_local]
    for index, server in enumerate(document.nginx.stream if document.nginx else ()):
        field, name = f"spec.nginx.stream[{index}]", f"{document.name}-stream-{index}"
        assert server.upstream is not None  # no document without it is read
        found = backends(name, document.name, f"{field}.upstream", server.upstream, endpoints)
        yield from upstream_block(found, in_stream=True)
        yield mark(document.name, field)
        yield block(
            "server",
            [
                *(listen(address, server.port, *_listen_options(server)) for address in addresses),
                directive("proxy_pass", name) if found.servers else directive("return", ""),
                *_settings(server),
                *(tls(document.name, f"{field}.tls", server.tls, tls_folder) if server.tls else ()),
                *snippet(document.name, f"{field}.snippet", server.snippet),
            ],
        )


def _listen_options(server: StreamServer) -> Iterator[str]:
    if server.protocol == "UDP":
        yield "udp"
        yield "reuseport"  # else datagrams of one client go to several workers, each with a session of its own
    if server.proxy_protocol is not None:
        yield "proxy_protocol"
    if server.tls is not None:
        yield "ssl"


def _settings(server: StreamServer) -> Iterator[Directive]:
    if server.proxy_protocol is not None:
        yield from (directive("set_real_ip_from", source) for source in server.proxy_protocol.trusted_sources)
    if server.send_proxy_protocol:
        yield directive("proxy_protocol", "on")
    if server.timeouts is not None and server.timeouts.connect_ms:
        yield directive("proxy_connect_timeout", milliseconds(server.timeouts.connect_ms))
    if server.timeouts is not None and server.timeouts.idle_ms:
        yield directive("proxy_timeout", milliseconds(server.timeouts.idle_ms))
    if server.access_log:
        yield directive("access_log", ACCESS_LOG, f"vipkeeper_{server.access_log.lower()}")
