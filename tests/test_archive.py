"""The zip of all snippets: complete, the same each time, and it runs where it is unpacked."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolkit import hub
from toolkit.archive import FOLDER, archive
from toolkit.book import Book
from toolkit.kept import Kept

BOOK = Book(ROOT)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("archive")
    with zipfile.ZipFile(io.BytesIO(archive(BOOK, Kept()))) as packed:
        packed.extractall(target)
    return target / FOLDER


def test_it_holds_every_snippet_and_nothing_that_stands_in(unpacked: Path) -> None:
    for file in BOOK.snippet_files():
        assert (unpacked / BOOK.relative(file)).read_bytes() == file.read_bytes()
    folders = {path.name for path in (unpacked / "models").iterdir()}
    own = {name.removeprefix("models/") for name, model in hub.read_catalog(BOOK).items() if model.own}
    assert folders == own, "what stands in for a model of the Hub stays with the book"
    assert not (unpacked / "toolkit").exists()
    assert "-e " not in (unpacked / "requirements.txt").read_text()


def test_the_same_files_give_the_same_bytes() -> None:
    assert archive(BOOK, Kept()) == archive(BOOK, Kept())


@pytest.mark.parametrize(
    "name", ["training_considerations/training_cost.py", "what_is_inference/classify_text.py"]
)
def test_a_snippet_runs_from_it(unpacked: Path, name: str) -> None:
    """As a reader's does, but for the Hub, which the embedded weights stand in for."""
    done = subprocess.run(
        [sys.executable, f"snippets/{name}"],
        cwd=unpacked,
        env={**os.environ, **hub.environment(BOOK), "MPLBACKEND": "agg", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
