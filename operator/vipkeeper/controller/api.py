"""A thin client of the API server: dicts in, dicts out, one short request each, errors with a name.

The official client brings configuration, TLS, token refresh and connection pooling; its typed models would only be in
the way, because everything we send comes from builders as plain objects and everything we get is parsed in `objects`.
Blocking: the reconcile task calls it in a thread. It never retries: the caller works from the whole state and knows
better what is still wanted.

Tested with a real API server: tests/e2e/test_controller_with_its_own_api_server.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from vipkeeper.controller.kinds import ANY_POD, Kind

FIELD_MANAGER = "vipkeeper-controller"
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 15.0
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_PAGE = 500

Object = dict[str, Any]


class ApiUnreachable(Exception):
    """No answer: nothing is known about the request. Everything else would fail as well."""


class ApiRefused(Exception):
    """The API server answered, but not as hoped."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ApiServer:
    """The API server, for objects in `namespace` and for cluster-scoped ones."""

    def __init__(self, namespace: str) -> None:
        """Configures itself from the pod's service account or from KUBECONFIG."""
        configuration = client.Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            config.load_kube_config(client_configuration=configuration)
        configuration.retries = False
        self._client = client.ApiClient(configuration)
        self.namespace = namespace

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """None: there is none of that name."""
        try:
            return self._request("GET", kind.path(namespace or self.namespace, name))
        except ApiRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def list(self, kind: Kind, fields: str = "") -> tuple[list[Object], int]:
        """All objects of `kind` (by its selector), and the resource version of the list. `fields`: a field selector."""
        items: list[Object] = []
        proceed = ""
        while True:
            query = {
                "limit": str(_PAGE),
                "labelSelector": kind.selector,
                "fieldSelector": fields,
                "continue": proceed,
            }
            answer = self._request("GET", kind.path(self.namespace), {key: text for key, text in query.items() if text})
            items += answer.get("items") or []
            proceed = answer["metadata"].get("continue") or ""
            if not proceed:
                return items, int(answer["metadata"]["resourceVersion"])

    def pods_of(self, node: str) -> tuple[list[Object], int]:  # type: ignore[valid-type]
        """Of all namespaces."""
        return self.list(ANY_POD, f"spec.nodeName={node}")

    def follow_pods_of(self, node: str, version: int, seconds: int) -> Iterator[Object]:
        """The events of a watch, from list version `version` on, for `seconds` or until the connection ends."""
        query = {
            "watch": "true",
            "fieldSelector": f"spec.nodeName={node}",
            "resourceVersion": str(version),
            "timeoutSeconds": str(seconds),
        }
        response = self._send("GET", ANY_POD.path(self.namespace), query, None, "application/json", seconds)
        yield from _lines_of(response)

    def apply(self, kind: Kind, body: Object, subresource: str = "") -> Object:
        """Server-side apply: makes or changes the object so that it has what `body` says, and nothing else of ours."""
        path = kind.path(self.namespace, body["metadata"]["name"], subresource)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self._request("PATCH", path, query, body, _APPLY)

    def merge(self, kind: Kind, name: str, body: Object, namespace: str = "") -> Object:
        query = {"fieldManager": FIELD_MANAGER}
        return self._request("PATCH", kind.path(namespace or self.namespace, name), query, body, _MERGE)

    def create(self, kind: Kind, body: Object, namespace: str = "") -> Object:
        query = {"fieldManager": FIELD_MANAGER}
        return self._request("POST", kind.path(namespace or self.namespace), query, body)

    def delete(self, kind: Kind, name: str, uid: str) -> None:
        """Delete the object `uid` and no other of that name. One that is gone already is no error."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            self._request("DELETE", kind.path(self.namespace, name), {"propagationPolicy": "Background"}, body)
        except ApiRefused as refusal:
            if refusal.status not in (404, 409):
                raise

    def close(self) -> None:
        self._client.rest_client.close()

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        response = self._send(method, path, query, body, content_type)
        try:
            content = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnreachable(f"{method} {path}: {_cause(error)}") from error
        answer: Object = json.loads(content)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Object | None,
        content_type: str,
        patience_s: float = 0.0,
    ) -> Any:
        """The answer, its body not yet read. `patience_s`: how much longer than usual it may be silent."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = self._client.param_serialize(
            method, path, query_params=list((query or {}).items()), header_params=headers, body=body,
            auth_settings=["BearerToken"],
        )  # fmt: skip
        try:
            timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S + patience_s)
            response = self._client.call_api(*request, _request_timeout=timeout)
            refusal = response.read() if response.status >= 300 else b""
        except (urllib3.exceptions.HTTPError, OSError, ApiException) as error:
            raise ApiUnreachable(f"{method} {path}: {_cause(error)}") from error
        if response.status >= 300:
            raise ApiRefused(response.status, f"{method} {path}: {_message(refusal)}")
        return response


def _lines_of(response: Any) -> Iterator[Object]:
    """A JSON object in each line."""
    rest = b""
    try:
        for chunk in response.response.stream():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines if line)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ApiUnreachable(f"a watch: {_cause(error)}") from error
    finally:
        response.response.close()


def _cause(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)


def _message(content: bytes) -> str:
    """The text in a metav1.Status; whatever came instead, shortened."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace")
