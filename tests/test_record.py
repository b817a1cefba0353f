"""Records: what `--check` notices, and how fast."""

from __future__ import annotations

import json
import time

import pytest

from tests.conftest import SmallBook
from toolkit.record import Shelf


@pytest.fixture
def recorded(small: SmallBook) -> SmallBook:
    small.snippet("tells", "# %% tell\nprint('one')\n")
    assert small.toolkit("record").returncode == 0
    return small


def check(small: SmallBook) -> str:
    result = small.toolkit("record", "--check")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stdout.strip()


def test_fresh_records_are_said_to_be(recorded: SmallBook) -> None:
    result = recorded.toolkit("record", "--check")
    assert (result.returncode, result.stdout) == (0, "1 records are fresh\n")


def test_a_truncated_record_is_named(recorded: SmallBook) -> None:
    file = recorded.record("tells")
    file.write_bytes(file.read_bytes()[:300])
    assert "docs/lab/page/tells.ipynb is not JSON, or is cut off" in check(recorded)


def test_a_record_that_is_not_json_is_named(recorded: SmallBook) -> None:
    recorded.record("tells").write_text("hello")
    assert "docs/lab/page/tells.ipynb is not JSON" in check(recorded)


def test_a_record_that_is_another_json_is_named(recorded: SmallBook) -> None:
    recorded.record("tells").write_text("[1, 2]")
    assert "docs/lab/page/tells.ipynb is no record" in check(recorded)


def test_an_edited_record_is_named(recorded: SmallBook) -> None:
    file = recorded.record("tells")
    file.write_text(file.read_text().replace("one", "won"))
    assert check(recorded) == "snippets/page/tells.py: docs/lab/page/tells.ipynb was edited by hand"
    assert recorded.toolkit("record").returncode == 0
    assert recorded.toolkit("record", "--check").returncode == 0, "recording again mends it"


def test_a_record_without_a_snippet_is_named(recorded: SmallBook) -> None:
    (recorded.root / "snippets" / "page" / "tells.py").unlink()
    assert check(recorded) == "docs/lab/page/tells.ipynb has no snippet: delete it"


def test_a_missing_record_and_a_changed_source_are_named(recorded: SmallBook) -> None:
    recorded.snippet("new", "# %% a\nprint(1)\n")
    recorded.snippet("tells", "# %% tell\nprint('two')\n")
    assert check(recorded).splitlines() == [
        "snippets/page/new.py: has no record",
        "snippets/page/tells.py: `snippets/page/tells.py` changed",
    ]


def test_the_same_run_gives_the_same_record_but_for_what_it_took(recorded: SmallBook) -> None:
    first = json.loads(recorded.record("tells").read_text())
    assert recorded.toolkit("record", "--all").returncode == 0
    second = json.loads(recorded.record("tells").read_text())
    assert first["cells"] == second["cells"]


def test_checking_a_thousand_records_hashes_each_dependency_once(small: SmallBook, monkeypatch) -> None:
    """Growth, without a clock: as many reads as there are files."""
    import toolkit.record as record

    for number in range(100):
        small.snippet(f"s{number}", f"# %% a\nprint({number}, open('snippets/data/rows.csv').read())\n")
    (small.root / "snippets" / "data" / "rows.csv").write_text("a\n")
    assert small.toolkit("record").returncode == 0
    hashed: list[str] = []
    original = record._hash
    monkeypatch.setattr(record, "_hash", lambda path: hashed.append(str(path)) or original(path))
    begun = time.perf_counter()
    states = Shelf(small.book).states()
    print(f"100 records checked in {time.perf_counter() - begun:.3f} s")
    assert all(state.fresh for state in states)
    assert len(hashed) == len(set(hashed)) == 101
