"""Mounts are released from the inside out, and only our own."""

from pathlib import Path

from tests.cluster.provider_local import mounts_below

MOUNTINFO = """\
21 1 8:1 / / rw - ext4 /dev/sda rw
30 21 0:5 / /cache/store/graph/overlay rw - overlay o rw
31 30 0:6 / /cache/store/graph/overlay/x/merged rw - overlay o rw
32 21 0:7 / /cache/storehouse rw - tmpfs t rw
"""


def test_inner_mounts_come_first_and_strangers_not_at_all() -> None:
    assert mounts_below(MOUNTINFO, (Path("/cache/store"),)) == [
        "/cache/store/graph/overlay/x/merged",
        "/cache/store/graph/overlay",
    ]
