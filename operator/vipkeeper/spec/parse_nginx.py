"""From `spec.nginx` to the nginx section of the rendered document: units resolved, nothing left to be decided.

Tests: tests/unit/spec/test_parse.py
"""

from __future__ import annotations

from posixpath import join

from vipkeeper.ipc import rendered_nginx as rendered
from vipkeeper.spec import nginx, nginx_upstream
from vipkeeper.spec.nginx_rules import parse_timeout_ms
from vipkeeper.spec.secrets import SecretUse, secret_in_references

_SIZES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def nginx_section(section: nginx.Nginx, folder: str = "") -> rendered.NginxSection:
    """`folder`: of the document, to which its files are relative."""
    return rendered.NginxSection(
        http=tuple(_http_server(server, folder) for server in section.http),
        stream=tuple(_stream_server(server, folder) for server in section.stream),
        own_configuration=rendered.OwnConfiguration(section.config_map_ref.name, section.config_map_ref.key)
        if section.config_map_ref
        else None,
    )


def _http_server(server: nginx.HTTPServer, folder: str) -> rendered.HTTPServer:
    upstream = _upstream(server.upstream) or rendered.Upstream()
    headers, timeouts = server.proxy_headers, server.timeouts
    return rendered.HTTPServer(
        port=server.port,
        servers=upstream.servers,
        service=upstream.service,
        balance=upstream.balance,
        hash_key=upstream.hash_key,
        redirect=_redirect(server.redirect),
        response=_response(server.response),
        tls=_tls(server.tls, folder, http2=server.tls.http2) if server.tls else None,
        hostnames=server.hostnames,
        locations=tuple(_location(item) for item in server.locations),
        proxy_headers=rendered.ProxyHeaders(
            tuple(rendered.Header(item.name, item.value) for item in headers.set), headers.hide
        )
        if headers
        else None,
        timeouts=rendered.Timeouts(
            connect_ms=_ms(timeouts.connect), read_ms=_ms(timeouts.read), send_ms=_ms(timeouts.send)
        )
        if timeouts
        else None,
        max_body_size=_size(server.max_body_size),
        proxy_protocol=_proxy_protocol(server.proxy_protocol),
        access_log=server.access_log.format if server.access_log else "",
        snippet=server.snippet or "",
    )


def _stream_server(server: nginx.StreamServer, folder: str) -> rendered.StreamServer:
    timeouts = server.timeouts
    return rendered.StreamServer(
        port=server.port,
        protocol=server.protocol,
        upstream=_upstream(server.upstream, server.protocol),
        timeouts=rendered.Timeouts(connect_ms=_ms(timeouts.connect), idle_ms=_ms(timeouts.idle)) if timeouts else None,
        proxy_protocol=_proxy_protocol(server.proxy_protocol),
        send_proxy_protocol=server.send_proxy_protocol,
        access_log=server.access_log.format if server.access_log else "",
        snippet=server.snippet or "",
        tls=_tls(server.tls, folder) if server.tls else None,
    )


def _tls(tls: nginx.TLS, folder: str, *, http2: bool = True) -> rendered.TLS:
    secret = secret_in_references(tls.secret_ref.name, tls.secret_ref.namespace or "") if tls.secret_ref else ""
    file = join(folder, tls.file) if tls.file else ""
    return rendered.TLS(secret, tls.min_version, http2, file=file)


def secret_uses(section: rendered.NginxSection) -> tuple[SecretUse, ...]:
    """Every reference to a Secret, or to a file."""
    return tuple(
        SecretUse(field, reference, kind, tls.file or None)
        for field, tls in rendered.certificates_of(section)
        for reference, kind in tls.references.items()
    )


def _location(location: nginx.Location) -> rendered.Location:
    return rendered.Location(
        path=location.path,
        path_type=location.path_type,
        upstream=_upstream(location.upstream),
        redirect=_redirect(location.redirect),
        response=_response(location.response),
    )


def _upstream(upstream: nginx_upstream.Upstream | None, protocol: str = "TCP") -> rendered.Upstream | None:
    if upstream is None:
        return None
    service = upstream.service
    return rendered.Upstream(
        servers=tuple(_server(item) for item in upstream.servers or ()),
        service=rendered.ServiceUpstream(service.namespace, service.name, service.port, protocol) if service else None,
        balance=upstream.balance,
        hash_key=upstream.hash_key or "",
    )


def _server(server: nginx_upstream.UpstreamServer) -> rendered.UpstreamServer:
    return rendered.UpstreamServer(
        server.address, server.port, server.weight, server.backup, server.max_fails, _ms(server.fail_timeout)
    )


def _redirect(redirect: nginx.Redirect | None) -> rendered.Redirect | None:
    if redirect is None:
        return None
    return rendered.Redirect(
        scheme=redirect.scheme or "",
        hostname=redirect.hostname or "",
        port=redirect.port or 0,
        path=redirect.path or "",
        status_code=redirect.status_code,
    )


def _response(response: nginx.Response | None) -> rendered.Response | None:
    return rendered.Response(response.status_code, response.body, response.content_type) if response else None


def _proxy_protocol(protocol: nginx.ProxyProtocol | None) -> rendered.ProxyProtocol | None:
    return rendered.ProxyProtocol(protocol.trusted_sources) if protocol else None


def _ms(text: str) -> int:
    timeout_ms = parse_timeout_ms(text)
    assert timeout_ms is not None, text  # check_nginx has refused it
    return timeout_ms


def _size(text: str | None) -> int:
    """Bytes."""
    if text is None:
        return 0
    return int(text[:-2]) * _SIZES[text[-2:]] if text[-2:] in _SIZES else int(text)
