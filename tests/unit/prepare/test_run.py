"""A list of documents: each its interface, and settings where they are needed."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer
from vipkeeper.prepare.choice import NodeInterface
from vipkeeper.prepare.run import prepare

NODE = [NodeInterface("eth0", 2, False, (ip_interface("192.0.2.1/24"),))]


def document(name: str, address: str, *, nginx: bool = False) -> RenderedVirtualIP:
    return RenderedVirtualIP(
        name=name,
        uid=name,
        generation=1,
        placement="default",
        vrid=1,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=(RenderedAddress(ip_address(address)),),
        interface=None,
        nodes={"one": NodeShare(100, 0)},
        nginx=NginxSection((HTTPServer(80, (UpstreamServer("127.0.0.1", 1),)),)) if nginx else None,
    )


def no_macvlan(document: RenderedVirtualIP, _parent: str) -> tuple[str, list[str]]:
    raise AssertionError(f"{document.name} wants none")


def test_settings_that_fail_are_a_problem_of_the_documents_that_need_them(tmp_path: Path) -> None:
    documents = [
        document("plain", "192.0.2.100"),
        document("web", "192.0.2.101", nginx=True),
        document("far", "10.0.0.1"),
    ]
    results = prepare(documents, NODE, tmp_path, no_macvlan)
    assert results["plain"] == {"interface": "eth0", "macvlan": "", "problems": []}
    assert results["web"]["interface"] == "eth0"
    assert [problem.partition(" ")[0] for problem in results["web"]["problems"]] == [
        "net.ipv4.ip_nonlocal_bind",
        "net.ipv6.ip_nonlocal_bind",
    ]
    assert results["far"]["interface"] == ""
    assert len(results["far"]["problems"]) == 1


def test_with_the_prefix_of_a_subnet_the_kernel_shall_not_remove_its_neighbours(tmp_path: Path) -> None:
    knob = tmp_path / "ipv4/conf/eth0/promote_secondaries"
    knob.parent.mkdir(parents=True)
    knob.write_text("0")
    plain = replace(document("plain", "192.0.2.100"), addresses=(RenderedAddress(ip_address("192.0.2.100"), 24),))
    prepare([plain], NODE, tmp_path, no_macvlan)
    assert knob.read_text() == "0"
    installed = replace(plain, install_prefix=True)
    assert prepare([installed], NODE, tmp_path, no_macvlan)["plain"]["problems"] == []
    assert knob.read_text() == "1"
    knob.unlink()
    (problem,) = prepare([installed], NODE, tmp_path, no_macvlan)["plain"]["problems"]
    assert problem.startswith("net.ipv4.conf.eth0.promote_secondaries shall be 1")


def test_without_nginx_no_knob_is_touched(tmp_path: Path) -> None:
    knob = tmp_path / "ipv4/ip_nonlocal_bind"
    knob.parent.mkdir()
    knob.write_text("0")
    prepare([document("plain", "192.0.2.100")], NODE, tmp_path, no_macvlan)
    assert knob.read_text() == "0"


def test_a_macvlan_is_made_for_those_that_want_one_on_the_interface_that_was_chosen(tmp_path: Path) -> None:
    asked = []

    def make(document: RenderedVirtualIP, parent: str) -> tuple[str, list[str]]:
        asked.append((document.name, parent))
        return "vrrp4-1-2", ["a problem"]

    wanted = replace(document("web", "192.0.2.100"), virtual_mac=True)
    far = replace(document("far", "10.0.0.1"), virtual_mac=True)
    results = prepare([document("plain", "192.0.2.101"), wanted, far], NODE, tmp_path, make)
    assert asked == [("web", "eth0")]
    assert results["web"] == {"interface": "eth0", "macvlan": "vrrp4-1-2", "problems": ["a problem"]}
    assert results["plain"]["macvlan"] == results["far"]["macvlan"] == ""
