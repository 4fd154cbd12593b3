"""Documents and secrets are written by a child, and the newest wins."""

import os
from pathlib import Path

from tests.unit.engine.samples import web
from vipkeeper.engine.document_store import read_documents
from vipkeeper.engine.secret_store import read_secrets
from vipkeeper.engine.store_writer import StoreWriter


def finish(writer: StoreWriter) -> None:
    while writer.busy:
        child, _status = os.wait()
        writer.reaped(child)


def test_what_comes_while_a_child_writes_goes_to_the_next_one(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    for generation in range(1, 20):
        writer.write("web", web(generation=generation))
    writer.write("other", web(name="other"))
    assert writer.busy
    finish(writer)
    assert read_documents(tmp_path) == {"web": web(generation=19), "other": web(name="other")}
    writer.write("other", None)
    finish(writer)
    assert set(read_documents(tmp_path)) == {"web"}


def test_another_childs_end_is_none_of_its_business(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    writer.write("web", web())
    writer.reaped(1)
    assert writer.busy
    finish(writer)


def test_secrets_are_written_as_a_whole_and_the_newest_win(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    writer.write("web", web())
    for number in range(10):
        writer.write_secrets({f"key-{number}": b"x"})
    finish(writer)
    assert read_secrets(tmp_path) == {"key-9": b"x"}
    writer.write_secrets({})
    finish(writer)
    assert read_secrets(tmp_path) == {}
