"""What the speaker's environment says, read once. ARCHITECTURE.md ("In a speaker pod") names the variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    node: str
    """NODE_NAME: which of a document's `nodes` this is."""
    placement: str
    """VIPKEEPER_PLACEMENT."""
    run_dir: Path
    """VIPKEEPER_RUN_DIR: sockets of this pod, gone with it."""
    state_dir: Path
    """VIPKEEPER_STATE_DIR: what must outlive the pod."""
    proc_sys_net: Path
    """VIPKEEPER_PROC_SYS_NET: where /proc/sys/net can be written to."""
    pod: str
    """POD_NAME: whose life this is; "" outside a pod."""
    nginx: bool
    """VIPKEEPER_NGINX=0: the installation goes without nginx, so there is none to watch."""
    parent: int | None = None
    """VIPKEEPER_PARENT: process id of a parent that the guard shall not outlive (`vipkeeper run`)."""

    @property
    def documents_dir(self) -> Path:
        return self.state_dir / "documents"

    @property
    def journal_dir(self) -> Path:
        return self.state_dir / "journal"

    @property
    def engine_socket(self) -> Path:
        return self.run_dir / "engine.sock"

    @property
    def nginx_socket(self) -> Path:
        return self.run_dir / "nginx" / "status.sock"


class MissingSetting(ValueError):
    """A variable without which the speaker can't start."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises MissingSetting that names every variable that is not there."""
    wanted = ("NODE_NAME", "VIPKEEPER_PLACEMENT", "VIPKEEPER_RUN_DIR", "VIPKEEPER_STATE_DIR")
    missing = [name for name in wanted if not environment.get(name)]
    if missing:
        raise MissingSetting(f"not set in the environment: {', '.join(missing)}")
    return Settings(
        node=environment["NODE_NAME"],
        placement=environment["VIPKEEPER_PLACEMENT"],
        run_dir=Path(environment["VIPKEEPER_RUN_DIR"]),
        state_dir=Path(environment["VIPKEEPER_STATE_DIR"]),
        proc_sys_net=Path(environment.get("VIPKEEPER_PROC_SYS_NET", "/proc/sys/net")),
        pod=environment.get("POD_NAME", ""),
        nginx=environment.get("VIPKEEPER_NGINX", "1") != "0",
        parent=int(environment["VIPKEEPER_PARENT"]) if environment.get("VIPKEEPER_PARENT") else None,
    )
