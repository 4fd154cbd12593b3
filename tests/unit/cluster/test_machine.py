"""Facts are read from the text of the kernel and the distribution."""

from tests.cluster.machine import CAP_SYS_RESOURCE, debian_suite, has_capability


def test_a_missing_capability_is_seen() -> None:
    assert has_capability("Name: x\nCapBnd:\t000001ffffffffff\n", CAP_SYS_RESOURCE)
    assert not has_capability("Name: x\nCapBnd:\t000001fffeffffff\n", CAP_SYS_RESOURCE)


def test_derivatives_of_debian_are_not_debian() -> None:
    assert debian_suite('ID=debian\nVERSION_CODENAME="bookworm"\n') == "bookworm"
    assert debian_suite("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n") is None
