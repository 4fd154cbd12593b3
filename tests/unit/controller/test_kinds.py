from vipkeeper.controller.kinds import CONFIGMAP, DAEMONSET, VIRTUALIP


def test_paths_are_those_of_the_api_server() -> None:
    assert CONFIGMAP.path("ns") == "/api/v1/namespaces/ns/configmaps"
    assert DAEMONSET.path("ns", "one") == "/apis/apps/v1/namespaces/ns/daemonsets/one"
    assert VIRTUALIP.path("ns", "web", "status") == "/apis/vipkeeper.dev/v1alpha1/virtualips/web/status"


def test_core_kinds_have_an_empty_group() -> None:
    assert (CONFIGMAP.group, CONFIGMAP.version) == ("", "v1")
    assert (DAEMONSET.group, DAEMONSET.version) == ("apps", "v1")
