from __future__ import annotations

from typing import Any

from tests.unit.agent.samples import NODE, configmap, document
from vipkeeper.agent.documents import Documents, LookUp, Whereabouts, whereabouts
from vipkeeper.ipc.messages import Apply, Remove, RemoveReason


def damaged(name: str = "web") -> dict[str, Any]:
    value = configmap(document(name, generation=7))
    value["data"]["virtualip.json"] = value["data"]["virtualip.json"].replace('"format": 1', '"format": 99')
    return value


def test_every_new_document_is_applied_and_an_unchanged_one_is_not_applied_again() -> None:
    documents = Documents()
    assert documents.listed([configmap(document("a")), configmap(document("b"))]) == [
        Apply(document("a")),
        Apply(document("b")),
    ]
    assert documents.listed([configmap(document("a")), configmap(document("b"))]) == []
    assert documents.changed(configmap(document("a", generation=2))) == [Apply(document("a", generation=2))]


def test_a_document_of_an_unknown_format_is_reported_and_the_one_before_stays_in_force() -> None:
    documents = Documents()
    documents.listed([configmap(document())])
    assert documents.changed(damaged()) == []
    assert documents.good == {"web": document()}
    assert documents.refused["web"].generation == 7
    assert documents.refused["web"].problems == ("format: 99 is not in 1..3",)
    documents.changed(configmap(document(generation=8)))
    assert documents.refused == {}


def test_a_document_that_was_never_readable_is_not_called_deleted() -> None:
    """The engine may run an earlier form of it, from its state folder."""
    documents = Documents()
    documents.listed([damaged()])
    assert documents.names() == ("web",)
    assert documents.engine_runs({"web"}) == []


def test_a_document_in_the_wrong_configmap_is_refused() -> None:
    documents = Documents()
    value = configmap(document("other"))
    value["metadata"]["name"] = "virtualip-web"
    assert documents.changed(value) == []
    assert documents.refused["web"].problems == ("name: is other, in the ConfigMap of web",)


def test_a_vanished_document_runs_on_until_somebody_looked_where_it_went() -> None:
    documents = Documents()
    documents.listed([configmap(document())])
    assert documents.deleted(configmap(document())) == [LookUp("web")]
    assert documents.names() == ("web",)
    assert not documents.all_found()
    assert documents.found("web", Whereabouts.DELETED) == [Remove("web", RemoveReason.DELETED)]
    assert documents.names() == ()
    assert documents.all_found()


def test_what_is_missing_in_a_new_list_is_looked_up_once() -> None:
    documents = Documents()
    documents.listed([configmap(document("a")), configmap(document("b"))])
    assert documents.listed([configmap(document("b"))]) == [LookUp("a")]
    assert documents.listed([configmap(document("b"))]) == []


def test_a_moved_document_is_kept_among_the_names_while_the_engine_may_still_hold_it() -> None:
    documents = Documents()
    documents.listed([configmap(document())])
    documents.deleted(configmap(document()))
    assert documents.found("web", Whereabouts.MOVED) == [Remove("web", RemoveReason.MOVED)]
    assert documents.names() == ("web",)
    assert documents.engine_runs({"web"}) == []


def test_a_document_that_came_back_meanwhile_is_not_removed() -> None:
    documents = Documents()
    documents.listed([configmap(document())])
    documents.deleted(configmap(document()))
    documents.changed(configmap(document()))
    assert documents.found("web", Whereabouts.DELETED) == []
    assert documents.good == {"web": document()}


def test_what_the_engine_runs_beyond_the_list_is_looked_up_but_not_before_there_is_a_list() -> None:
    documents = Documents()
    assert documents.engine_runs({"old"}) == []
    documents.listed([])
    assert documents.engine_runs({"old"}) == [LookUp("old")]
    assert not documents.all_found()


def test_whereabouts() -> None:
    elsewhere = configmap(document(placement="p-12345678"))
    other_node = configmap(document(placement="p-12345678", nodes=("worker9",)))
    assert whereabouts(None, NODE, "default") is Whereabouts.DELETED
    assert whereabouts(elsewhere, NODE, "default") is Whereabouts.MOVED
    assert whereabouts(other_node, NODE, "default") is Whereabouts.DELETED
    assert whereabouts(configmap(document()), NODE, "default") is Whereabouts.HERE
