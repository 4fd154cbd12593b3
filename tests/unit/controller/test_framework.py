"""kopf's set-up, and the filter of its complaints. That it recovers is shown with a real API server, in
tests/e2e/test_controller_with_its_own_api_server.py."""

import logging

from vipkeeper.controller.framework import OncePerOutage, framework_settings
from vipkeeper.controller.kinds import POD, WATCHED


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("kopf", logging.ERROR, "", 0, message, None, None)


def test_kopf_writes_nothing_and_looks_for_no_peers() -> None:
    settings = framework_settings()
    assert not settings.posting.enabled
    assert settings.peering.standalone
    assert settings.scanning.disabled


def test_no_pause_between_tries_is_longer_than_a_second() -> None:
    backoffs = framework_settings().networking.error_backoffs
    assert isinstance(backoffs, tuple)
    assert max(backoffs) <= 1
    assert sum(backoffs) > 30, "and kopf does not give up while an API server restarts"


def test_the_api_server_sends_only_what_concerns_us() -> None:
    selectors = framework_settings().watching.label_selectors
    assert selectors[POD.group, POD.version, POD.plural] == POD.selector
    assert len(selectors) == len([kind for kind in WATCHED if kind.selector])


def test_an_outage_is_told_once_and_everything_else_always() -> None:
    quiet = OncePerOutage()
    assert quiet.filter(record("Request attempt #1/9 failed; will retry"))
    assert not quiet.filter(record("Request attempt #2/9 failed; will retry"))
    assert quiet.filter(record("something else"))
