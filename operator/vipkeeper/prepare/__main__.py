"""`python3 -m vipkeeper.prepare`: a short-lived child of the guard.

Standard input: `{"documents": [...], "remove": [names of macvlans]}`; `"remove": null` means all that are ours.
Standard output: `{"results": {name: {"interface": ..., "macvlan": ..., "problems": [...]}}}`.
A node whose interfaces can't be read is the end of this process, and so a problem of every document.

Tests: tests/netns/test_prepare.py.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pyroute2 import IPRoute

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.prepare.macvlan import Macvlans
from vipkeeper.prepare.node import read_interfaces
from vipkeeper.prepare.run import prepare


def main() -> int:
    request = json.load(sys.stdin)
    documents = [RenderedVirtualIP.from_json(item) for item in request["documents"]]
    unwanted = request.get("remove", [])
    root = Path(os.environ.get("VIPKEEPER_PROC_SYS_NET", "/proc/sys/net"))
    virtual_addresses = frozenset(item.address for document in documents for item in document.addresses)
    interfaces = read_interfaces(virtual_addresses)
    with IPRoute() as netlink:
        macvlans = Macvlans(netlink, root, os.environ.get("VIPKEEPER_PLACEMENT", ""))
        results = prepare(documents, interfaces, root, macvlans.make)
        if unwanted != []:
            macvlans.remove(unwanted)
    json.dump({"results": results}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
