"""operator/vipkeeper/standalone/objects.py"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from vipkeeper.standalone.objects import FoundObject, Place, Problem, read_objects

WEB = "apiVersion: vipkeeper.dev/v1alpha1\nkind: VirtualIP\nmetadata: {name: web}\nspec: {addresses: [192.0.2.10]}\n"


def read(tmp_path: Path, text: str) -> tuple[list[FoundObject], list[str]]:
    file = tmp_path / "vip.yaml"
    file.write_text(text)
    objects, problems = read_objects([str(file)])
    return objects, [str(problem).removeprefix(f"{tmp_path}/") for problem in problems]


def test_documents_are_known_by_file_number_and_name_and_empty_ones_count_but_are_none(tmp_path: Path) -> None:
    objects, problems = read(tmp_path, f"---\n{WEB}---\n---\n{WEB.replace('web', 'api')}---\n")
    file = str(tmp_path / "vip.yaml")
    assert [item.place for item in objects] == [Place(file, 1, "web"), Place(file, 3, "api")]
    assert objects[0].value["spec"] == {"addresses": ["192.0.2.10"]}
    assert problems == []


def test_places_say_what_is_known_of_them() -> None:
    assert str(Problem(Place("a"), "x")) == "a: x"
    assert str(Problem(Place("a", 2), "x")) == "a: document 2: x"
    assert str(Problem(Place("a", 2, "web"), "x")) == "a: document 2 (web): x"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "vip.yaml: has no document"),
        ("- 1\n", "vip.yaml: document 1: is list, not an object"),
        ("a: [b\n", "vip.yaml: document 1: line 2, column 1: "),
        (f"{WEB}---\n\ta: b\n", "vip.yaml: document 2: line 6, column 1: "),
        ("when: 2026-13-45\n", "vip.yaml: document 1: month must be in 1..12"),
        ("a: !python/object:os.system {}\n", "vip.yaml: document 1: line 1, column 4: could not determine"),
        (f"{WEB}other: 1\n", "vip.yaml: document 1 (web): other: is not known"),
        (WEB.replace("VirtualIP", "Service"), "vip.yaml: document 1 (web): kind: 'Service' is not VirtualIP"),
        (WEB.replace("v1alpha1", "v9"), "vip.yaml: document 1 (web): apiVersion: 'vipkeeper.dev/v9' is not vipkeeper"),
        (WEB.replace("{name: web}", ""), "vip.yaml: document 1: metadata: is missing"),
        (WEB.replace("{name: web}", "web"), "vip.yaml: document 1: metadata: is not an object"),
        (f"{WEB}kind: VirtualIP\n", "vip.yaml: document 1: line 5: the key kind is there twice"),
    ],
)
def test_what_is_no_virtualip_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    _objects, problems = read(tmp_path, text)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_file_that_cannot_be_read_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    good, latin = tmp_path / "good.yaml", tmp_path / "latin.yaml"
    good.write_text(WEB)
    latin.write_bytes(b"a: \xe9\n")
    objects, problems = read_objects([str(tmp_path / "none"), str(tmp_path), str(latin), str(good)])
    assert [problem.text for problem in problems[:2]] == ["No such file or directory", "Is a directory"]
    assert "can't decode" in problems[2].text
    assert len(objects) == 1


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(WEB))
    (web,), problems = read_objects(["-"])
    assert (web.place, problems) == (Place("standard input", 1, "web"), [])


def test_an_alias_that_leads_back_to_itself_does_not_hang(tmp_path: Path) -> None:
    objects, _problems = read(tmp_path, f"{WEB}status: &a {{b: *a}}\n")
    assert len(objects) == 1


def test_what_a_document_names_is_found_from_its_folder(tmp_path: Path) -> None:
    assert Place(str(tmp_path / "folder" / "vip.yaml")).folder == str(tmp_path / "folder")
    assert Place("vip.yaml").folder == Place("standard input").folder == str(Path.cwd())
