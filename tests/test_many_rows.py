"""Many rows: none is lost or doubled when a worker dies, and rows become machines and money."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, python
from toolkit import hub
from toolkit.book import Book

SNIPPETS = ROOT / "snippets" / "builders_lens"
ROWS = 2000
ENGINES = """
    plain loop      1,000        1.0          1,000        100
    plain loop  1,000,000      500.0          2,000        100
    Ray Data        1,000       10.0            100        900
    Ray Data    1,000,000    1,000.0          1,000      2,000
"""


def run(name: str, *arguments: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(SNIPPETS / name), *arguments],
        cwd=folder,
        env={**os.environ, **hub.environment(Book(ROOT)), "MPLBACKEND": "agg", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@dataclass
class Finished:
    """What one run of Ray left: its folder, what it printed, and where its own files lay."""

    folder: Path
    said: str
    temporary: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """The one start of Ray in this file; its sockets need a short path."""
    folder = tmp_path_factory.mktemp("many") / "work"
    temporary = tempfile.mkdtemp(prefix="rows-")
    # Ray's workers give way to everything else, and here other tests run beside them.
    environment = {"TMPDIR": temporary, "RAY_worker_niceness": "0"}
    try:
        result = run("many_rows.py", "--rows", str(ROWS), "--folder", str(folder), **environment)
        assert result.returncode == 0, result.stderr[-3000:]
        yield Finished(folder, result.stdout, temporary)
    finally:
        shutil.rmtree(temporary)


def test_a_worker_dies_and_each_id_is_there_once(ran: Finished) -> None:
    assert (ran.folder / "grave").exists(), "no worker died"
    found = pq.read_table(ran.folder / "answers", columns=["id", "embedding"])
    assert sorted(found["id"].to_pylist()) == list(range(ROWS))
    assert "\n0 rows lost, 0 doubled\n" in ran.said
    assert len(found["embedding"][0]) == 384


def test_the_labels_are_those_of_a_plain_loop(ran: Finished) -> None:
    """The loop is another snippet's, with a head that is fitted anew."""
    assert f"{ROWS:,} of {ROWS:,} rows get the same label from a plain loop" in ran.said
    code = """
import joblib, pandas as pd
from pathlib import Path
sys.argv = ["rows_per_second.py"]
sys.path.insert(0, "snippets/builders_lens")
import rows_per_second as snippet
from sklearn.linear_model import LogisticRegression
work = Path(given)
rows = pd.read_csv(snippet.path)
rows = rows[rows.split == "train"].sort_values("category")
embedded = snippet.Classifier().embed(rows.title + ". " + rows.text)
joblib.dump(LogisticRegression(C=10, max_iter=1000).fit(embedded, rows.category), work / "head.joblib")
(work / "loop").mkdir()
snippet.plain_loop(work / "rows", work / "loop", work / "head.joblib")
print("null")
"""
    python(code, str(ran.folder))
    ray, loop = (
        pq.read_table(ran.folder / name, columns=["id", "category"]).sort_by("id")["category"].to_pylist()
        for name in ("answers", "loop")
    )
    assert sum(a == b for a, b in zip(ray, loop, strict=True)) >= ROWS - 2, "a tie may fall either way"


def test_nothing_is_left_running(ran: Finished) -> None:
    def command(process: psutil.Process) -> str:
        try:
            return " ".join(process.cmdline())
        except psutil.Error:
            return ""

    assert [line for line in map(command, psutil.process_iter()) if ran.temporary in line] == []


def test_what_cannot_be_done_is_one_sentence(ran: Finished) -> None:
    again = run("many_rows.py", "--folder", str(ran.folder))
    assert again.stderr == f"{ran.folder} has rows in it already: name an empty folder\n"
    assert run("many_rows.py", "--rows", "7").stderr == "--rows is 7: take 100 or more\n"


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A book with a record of round numbers."""
    record = tmp_path / "docs" / "lab" / "builders_lens" / "rows_per_second.ipynb"
    record.parent.mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "data", tmp_path / "docs" / "data")
    printed = {
        "time them all": "\n".join(line.strip() for line in ENGINES.splitlines()),
        "compare with the whole MiniLM": "whole MiniLM  0.75 right,        100 rows a second\n",
    }
    cells = [{"metadata": {"title": title}, "outputs": [{"text": [text]}]} for title, text in printed.items()]
    record.write_text(json.dumps({"cells": cells}))
    return tmp_path


def test_rows_become_machines_and_money(measured: Path) -> None:
    result = run("machines_and_money.py", folder=measured)
    assert result.returncode == 0, result.stderr
    # 10^9 rows at 1,000 a second are 277.8 hours; on many machines, which keep 0.8 of it, 347.2.
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "a million word vectors, Ray Data 0.28 0.019 1" in lines
    assert "a billion word vectors, Ray Data 347.22 23.264 15" in lines
    assert "a billion word vectors, plain loop 173.61 11.632 8" in lines
    assert "a trillion whole MiniLM 3,472,222.22 232,638.889 144,676" in lines


def test_a_missing_record_says_where_to_find_it(tmp_path: Path) -> None:
    (tmp_path / "docs" / "data").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "data" / "prices.csv", tmp_path / "docs" / "data")
    result = run("machines_and_money.py", folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        "docs/lab/builders_lens/rows_per_second.ipynb is missing: "
        "download rows_per_second.ipynb from its lab page\n"
    )
