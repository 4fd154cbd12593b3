"""operator/vipkeeper/spec/model.py"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from vipkeeper.spec.model import Moment, Reported, Second, Written


class Wish(Written):
    how_many: int = 1
    name: str | None = None


class Deed(Reported):
    done_at: Moment
    noted_at: Second | None = None


def test_outside_it_is_camel_case_and_absent_members_are_left_out() -> None:
    assert Wish(how_many=2).to_json() == {"howMany": 2}
    assert Wish.model_validate({"howMany": 3}).how_many == 3


def test_a_spec_takes_nothing_unknown_and_coerces_nothing() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Wish.model_validate({"howmany": 3})
    with pytest.raises(ValidationError, match="valid integer"):
        Wish.model_validate({"howMany": "3"})


def test_a_status_of_another_version_can_be_read() -> None:
    assert Deed.model_validate({"doneAt": "2026-01-02T12:00:00Z", "novelty": 1}).noted_at is None


def test_dates_are_written_in_utc_with_the_precision_that_their_reader_expects() -> None:
    when = datetime(2026, 1, 2, 13, 0, 0, 678_900, tzinfo=timezone(timedelta(hours=1)))
    assert Deed(done_at=when, noted_at=when).to_json() == {
        "doneAt": "2026-01-02T12:00:00.678Z",
        "notedAt": "2026-01-02T12:00:00Z",
    }
    assert Deed.model_validate({"doneAt": "2026-01-02T12:00:00.678Z"}).done_at == datetime(
        2026, 1, 2, 12, 0, 0, 678_000, tzinfo=UTC
    )
