"""operator/vipkeeper/ipc/macvlan_mark.py"""

import pytest

from vipkeeper.ipc.macvlan_mark import MAX_BYTES, MacvlanMark


@pytest.mark.parametrize("before", [{}, {"arp_ignore": "0", "arp_announce": "1"}])
def test_a_mark_survives_the_way_through_an_alias(before: dict[str, str]) -> None:
    mark = MacvlanMark("p-0123cafe", "4ad01105-6279-4316-9a87-259c267044e0", before)
    assert len(mark.to_alias()) <= MAX_BYTES
    assert MacvlanMark.from_alias(mark.to_alias()) == mark


@pytest.mark.parametrize(
    "alias", ["", "vipkeeper", "vipkeeper default", "uplink default uid", "vipkeeper a b c", "vipkeeper  a"]
)
def test_other_aliases_are_not_ours(alias: str) -> None:
    assert MacvlanMark.from_alias(alias) is None
