"""`python3 -m vipkeeper.prepare`: a short-lived child of the guard.

Standard input: `{"documents": [...]}`. Standard output: `{"results": {name: {"interface": ..., "problems": [...]}}}`.
A node whose interfaces can't be read is the end of this process, and so a problem of every document.

Tests: tests/netns/test_prepare.py.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.prepare.node import read_interfaces
from vipkeeper.prepare.run import prepare


def main() -> int:
    documents = [RenderedVirtualIP.from_json(item) for item in json.load(sys.stdin)["documents"]]
    virtual_addresses = frozenset(item.address for document in documents for item in document.addresses)
    interfaces = read_interfaces(virtual_addresses)
    results = prepare(documents, interfaces, Path(os.environ.get("VIPKEEPER_PROC_SYS_NET", "/proc/sys/net")))
    json.dump({"results": results}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
