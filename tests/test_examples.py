"""Every snippet, as a stranger runs it: a fresh process, and its output is what its record shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm
from tests.conftest import ROOT
from toolkit.book import Book
from toolkit.record import Shelf, read_record, shape
from toolkit.snippets import read

LONG = 10.0
"""Seconds; what took longer is executed again when it changed, and by `make verify-all`."""
PATIENT = 30.0
"""Seconds that a reader waits without being told why."""

BOOK = Book(ROOT)
SNIPPETS = BOOK.snippet_files()
RECORDS = {file: read_record(BOOK.record_file(file), BOOK) for file in SNIPPETS}
LONG_TRAININGS = {
    *("sentiment_head", "compare", "fine_tune", "fine_tune_lora", "frozen_embeddings", "from_scratch"),
    *(f"train_{name}" for name in ("gpt", "chat", "clip", "blip", "whisper", "voice", "diffusion")),
    *("ngram_baseline", "train_on_many", "two_processes", "calibration", "which_words", "never_made_for"),
    *("load_test", "load_transformers_serve", "many_rows", "rows_per_second"),
    *("engines", "precision_measured", "latency_and_batch", "cold_start", "memory_of_inference"),
}
"""Snippets that may take longer: most train, others load servers, compile, or work on a million rows."""

MOST_LINES = {
    "compare": 165,
    "ngram_baseline": 75,
    "train_whisper": 210,
    "train_voice": 235,
    "should_i_train": 420,
    "training_cost": 90,
    "training_memory": 85,
    "serving_cost": 95,
    "effort_impact_time": 95,
    "precision_measured": 95,
    "engines": 65,
    "serve_batched": 130,
    "load_test": 105,
    "load_transformers_serve": 105,
    "calibration": 70,
    "which_words": 75,
    "never_made_for": 70,
    "train_on_many": 115,
    "two_processes": 65,
    "many_rows": 185,
    "rows_per_second": 245,
    "machines_and_money": 80,
}
"""One idea, but more than sixty lines: rivals side by side, trainings that make their own speech, a table
of rules, which is read as one, a picture that measures what it lacks, seven formats that are written to disk
before they are measured, calculators, which say what is wrong with what they are given, a server that does
what a server must, loads, which start their server and end it whatever happens, looks into a model with a
test of what they show, a training script that saves, resumes and scores, with what launches it, and engines
that work on rows which they make, and count what came out."""

QUICK = [file for file in SNIPPETS if RECORDS[file].about["seconds"] <= LONG]
RICH = [
    file
    for file in QUICK
    if any(o["output_type"] != "stream" for outputs in RECORDS[file].outputs.values() for o in outputs)
]


def test_every_record_is_fresh() -> None:
    """So a long training that is not executed here is the one that made its record."""
    shelf = Shelf(BOOK)
    assert [f"{state.shown}: {state.reasons}" for state in shelf.states() if not state.fresh] == []
    assert shelf.orphans() == []
    assert {file.stem for file in SNIPPETS if RECORDS[file].about["seconds"] > PATIENT} <= LONG_TRAININGS


@pytest.mark.parametrize(
    "file", sorted(set(QUICK) - set(RICH)), ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_a_fresh_process_prints_what_the_record_shows(file: Path, tmp_path: Path) -> None:
    snippet = read(file, BOOK)
    for name in ("snippets", "docs", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    result = subprocess.run(
        [sys.executable, "-m", "toolkit", "run", str(file)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    measured = any(cell.measured for cell in snippet.cells)
    shown = [
        "".join(output["text"])
        for outputs in RECORDS[file].outputs.values()
        for output in outputs
        if output["output_type"] == "stream"
    ]

    def lines(text: str) -> list:
        return shape([{"output_type": "stream", "text": text}], measured)

    assert lines(result.stdout) == lines("".join(shown))


def test_rich_output_is_reproduced() -> None:
    """Text, tables and figures: executed again by the recorder, each in a child of its own."""
    assert len(RICH) >= 10
    command = [sys.executable, "-m", "toolkit", "record", "--verify", *map(str, RICH)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("file", SNIPPETS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_snippet_stands_alone(file: Path) -> None:
    snippet = read(file, BOOK)
    assert not snippet.imports & {"toolkit", "tests", "snippets"}
    code = [line for cell in snippet.cells for line in cell.source.splitlines() if line.strip()]
    assert 10 <= len(code) <= MOST_LINES.get(file.stem, 60), "longer than sixty lines is two ideas"
    assert snippet.about, "the docstring says what the snippet shows"
    assert re.search("Needs: (pip install|nothing but Python)", snippet.text)


def test_a_missing_data_file_is_one_sentence(tmp_path: Path) -> None:
    """Copied into an empty folder, a snippet says what it needs."""
    needed, said = {}, {}
    for file in SNIPPETS:
        data = re.search(r"(?:snippets|docs)/data/[\w-]+\.(?:csv|flac)", file.read_text())
        if data is not None:
            (tmp_path / file.name).write_text(file.read_text())
            result = warm.run([file.name], tmp_path)
            said[file.name] = (result.returncode, result.stderr)
            why = f"{data[0]} is missing: download it from the book's page and put it there\n"
            needed[file.name] = (1, why)
    assert len(needed) > 10
    assert said == needed
