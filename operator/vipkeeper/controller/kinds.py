"""The kinds of objects that the controller reads and writes, and where the API server keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.spec import names


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of API object."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    selector: str = ""
    """Label selector of those that concern us; empty: all of them."""

    @property
    def group(self) -> str:
        """ "" for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """URL path of the collection, or of the object `name`."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if self.namespaced else ""
        return "/".join(part for part in (f"{root}{scope}/{self.plural}", name, subresource) if part)


_OURS = f"{names.MANAGED_BY_LABEL}={names.MANAGED_BY}"
_SPEAKERS = f"{_OURS},{names.COMPONENT_LABEL}={names.SPEAKER_COMPONENT}"

VIRTUALIP = Kind(names.API_VERSION, names.VIRTUALIP_KIND, names.VIRTUALIP_PLURAL, namespaced=False)
NODE = Kind("v1", "Node", "nodes", namespaced=False)
SPEAKER = Kind(names.API_VERSION, names.SPEAKER_KIND, names.SPEAKER_PLURAL, namespaced=True)
POD = Kind("v1", "Pod", "pods", namespaced=True, selector=_SPEAKERS)
ANY_POD = Kind("v1", "Pod", "pods", namespaced=False)
"""Those of everybody; only of single nodes (`evictions.py`)."""
CONFIGMAP = Kind("v1", "ConfigMap", "configmaps", namespaced=True)
"""Without a selector: the anchor is the chart's and carries the chart's labels."""
SECRET = Kind("v1", "Secret", "secrets", namespaced=True)
"""Without a selector: those that VirtualIPs refer to are the users'."""
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles", namespaced=True, selector=_SPEAKERS)
DAEMONSET = Kind("apps/v1", "DaemonSet", "daemonsets", namespaced=True, selector=_SPEAKERS)
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases", namespaced=True, selector=names.PLACEMENT_LABEL)
EVENT = Kind("v1", "Event", "events", namespaced=True)

WATCHED = (VIRTUALIP, NODE, SPEAKER, POD, CONFIGMAP, SECRET, ROLE, DAEMONSET)
"""Watched by kopf, and listed by ourselves now and then. Leases are only listed: a watch would bring every renewal."""
