"""Versions are written once, in go.mod; names of images are asked, never written."""

from tests.cluster.control_plane_images import RECIPES, parse_image_names
from tests.cluster.programs import kubernetes_version, module_version, parse_go_version

LISTED = """\
registry.test/kube-apiserver:v1.34.4
registry.test/kube-proxy:v1.34.4
registry.test:5000/coredns/coredns:v1.12.1
registry.test/pause:3.10.1
"""


def test_the_versions_come_from_go_mod() -> None:
    assert kubernetes_version().startswith("v1.")
    assert module_version("sigs.k8s.io/kind").startswith("v0.")


def test_a_go_version_is_read() -> None:
    assert parse_go_version("go1.24.6") == (1, 24)
    assert parse_go_version("devel") is None


def test_images_are_known_by_the_last_part_of_their_names() -> None:
    names = parse_image_names(LISTED)
    assert set(names) == {"kube-apiserver", "kube-proxy", "coredns", "pause"}
    assert names["coredns"] == "registry.test:5000/coredns/coredns:v1.12.1"
    assert set(names) - {"kube-proxy"} <= set(RECIPES)
