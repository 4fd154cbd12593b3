"""What `prepare` does for a list of documents: the interface of each, and the kernel settings that it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.prepare.choice import NodeInterface, choose_interface
from vipkeeper.sysctl import NONLOCAL_BIND, ensure, promote_secondaries

MakeMacvlan = Callable[[RenderedVirtualIP, str], tuple[str, list[str]]]
"""For a document, on an interface: the macvlan's name, and problems."""


def prepare(
    documents: list[RenderedVirtualIP],
    interfaces: list[NodeInterface],
    proc_sys_net: Path,
    make_macvlan: MakeMacvlan,
) -> dict[str, Any]:
    """By name of the document: `interface`, `macvlan` ("" when there is none) and `problems`."""
    needs_nonlocal_bind = [document for document in documents if document.nginx is not None]
    setting_problems = ensure(proc_sys_net, NONLOCAL_BIND) if needs_nonlocal_bind else []
    results: dict[str, Any] = {}
    for document in documents:
        choice, macvlan = choose_interface(document, interfaces), ""
        problems = [choice.problem] if choice.problem else []
        if document.nginx is not None:
            problems += setting_problems
        if document.install_prefix and choice.interface and not document.virtual_mac:
            problems += ensure(proc_sys_net, promote_secondaries(choice.interface))
        if document.virtual_mac and choice.interface:
            macvlan, macvlan_problems = make_macvlan(document, choice.interface)
            problems += macvlan_problems
        results[document.name] = {"interface": choice.interface, "macvlan": macvlan, "problems": problems}
    return results
