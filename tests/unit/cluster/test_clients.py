"""Names of clients fit where the kernel has little room."""

from ipaddress import IPv4Address

from tests.cluster.clients import Client, port_name


def test_a_port_name_has_at_most_fifteen_characters() -> None:
    assert port_name("1") == "vkc-1"
    assert len(port_name("a-very-long-client-name")) == 15


def test_a_client_runs_commands_in_its_namespace() -> None:
    client = Client("observer", IPv4Address("10.89.0.150"), None)
    assert client.prefix == ["nsenter", "--net=/run/netns/vipkeeper-test-client-observer"]
