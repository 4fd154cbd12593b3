"""What ctr and jq print inside a node becomes containers and processes."""

from tests.cluster.containers import NodeContainer, NodeProcess, parse_containers, parse_processes

LISTED = """\
812 {"ID":"c1","Labels":{"io.kubernetes.container.name":"speaker","io.kubernetes.pod.name":"vip-x","io.kubernetes.pod.namespace":"vipkeeper"}}
640 {"ID":"p1","Labels":{"io.kubernetes.pod.name":"vip-x","io.kubernetes.pod.namespace":"vipkeeper"}}
900 {"ID":"z1","Labels":null}
"""


def test_pause_containers_and_strangers_are_left_out() -> None:
    assert parse_containers(LISTED) == [NodeContainer("c1", "vipkeeper", "vip-x", "speaker", 812)]


def test_processes_have_their_command_lines() -> None:
    assert parse_processes("812 vipkeeper guard \n819 vipkeeper engine --x \n") == [
        NodeProcess(812, "vipkeeper guard"),
        NodeProcess(819, "vipkeeper engine --x"),
    ]
