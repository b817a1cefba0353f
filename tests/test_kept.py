"""What a build leaves for the next: taken over where nothing changed, and never when it is not whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.kept import Kept


def ask(kept: Kept, *made_from: str) -> list[str]:
    """The texts, and which of them had to be made."""
    made: list[str] = []

    def make(each: str) -> str:
        made.append(each)
        return each.upper()

    assert [kept.get(lambda each=each: make(each), "word", each) for each in made_from] == [
        each.upper() for each in made_from
    ]
    return made


def test_the_next_build_makes_only_what_is_new(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "pages.json"
    first = Kept(file)
    assert ask(first, "a", "b", "a") == ["a", "b"]
    first.save()
    second = Kept(file)
    assert ask(second, "b", "c") == ["c"]
    second.save()
    assert ask(Kept(file), "a", "b", "c") == ["a"], "nothing asked for it: it was not kept"


def test_an_author_goes_on_with_what_the_build_before_had(tmp_path: Path) -> None:
    file = tmp_path / "pages.json"
    kept = Kept(file)
    assert ask(kept, "a", "b") == ["a", "b"]
    kept.begin()
    assert ask(kept, "b") == []
    kept.save()
    kept.begin()
    assert ask(kept, "a") == ["a"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"A", b"B"),
        lambda data: b"\xff" + data,
        lambda data: data.partition(b"\n")[2],
        lambda data: b"x" * 64 + b"\n" + json.dumps([]).encode(),
    ],
    ids=["empty", "half", "another text", "no text", "no seal", "another shape"],
)
def test_what_is_damaged_is_made_again(tmp_path: Path, damage) -> None:
    file = tmp_path / "pages.json"
    kept = Kept(file)
    ask(kept, "a")
    kept.save()
    file.write_bytes(damage(file.read_bytes()))
    after = Kept(file)
    assert ask(after, "a") == ["a"]
    after.save()
    assert ask(Kept(file), "a") == []


def test_other_makers_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pages.json"
    kept = Kept(file)
    ask(kept, "a")
    kept.save()
    monkeypatch.setattr("toolkit.kept._makers", lambda: b"tomorrow's")
    assert ask(Kept(file), "a") == ["a"]


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Kept(tmp_path / "file" / "pages.json")
    assert ask(kept, "a") == ["a"]
    kept.save()
    assert ask(kept, "a") == []
