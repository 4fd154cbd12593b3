"""What the agent is told by its environment (ARCHITECTURE.md, "In a speaker pod")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    node: str
    """Name of this Kubernetes node."""
    pod: str
    """Name of this pod: its own readiness is looked up."""
    namespace: str
    """The operator's namespace, where everything of ours lives."""
    placement: str
    run_dir: Path = Path("/run/vipkeeper")
    readiness_port: int | None = None
    """Port on 127.0.0.1 where nginx answers the kubelet's probe. None: the installation goes without nginx."""

    @property
    def nginx_dir(self) -> Path:
        return self.run_dir / "nginx"

    @property
    def engine_socket(self) -> Path:
        return self.run_dir / "engine.sock"

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Settings:
        """Raises ValueError that names every variable that is missing."""
        nginx = environment.get("VIPKEEPER_NGINX", "1") != "0"
        needed = ["NODE_NAME", "POD_NAME", "POD_NAMESPACE", "VIPKEEPER_PLACEMENT"]
        needed += ["VIPKEEPER_READINESS_PORT"] if nginx else []
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            raise ValueError(f"not set in the environment: {', '.join(missing)}")
        return Settings(
            node=environment["NODE_NAME"],
            pod=environment["POD_NAME"],
            namespace=environment["POD_NAMESPACE"],
            placement=environment["VIPKEEPER_PLACEMENT"],
            run_dir=Path(environment.get("VIPKEEPER_RUN_DIR", "/run/vipkeeper")),
            readiness_port=int(environment["VIPKEEPER_READINESS_PORT"]) if nginx else None,
        )
