"""Record the snippets from cold, with this recorder and with mkdocs-jupyter's own execution, in one run.

Both execute the same files on the same embedded weights, one after the other on the same machine.
mkdocs-jupyter runs each in a kernel of its own, as `execute: true` does. What is compared is the cost
of executing, so the trainings are left out: their own work is the same on both sides, and the longer
it takes the less either tool matters. `--trainings` includes those of up to a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from toolkit import hub
from toolkit.book import Book
from toolkit.record import Shelf, machine
from toolkit.run import environment
from toolkit.snippets import Snippet, read

CONFIG = """
site_name: bench
theme: {name: material, font: false}
plugins:
  - mkdocs-jupyter: {include: ["*.ipynb"], execute: true, allow_errors: false, cache: false}
"""


def copy_book(book: Book, target: Path, snippets: list[Snippet]) -> None:
    """A book without records, with the given snippets."""
    for name in ("requirements.txt", "requirements-docs.txt"):
        shutil.copy(book.root / name, target)
    shutil.copytree(book.models, target / "models")
    shutil.copytree(book.snippets / "data", target / "snippets" / "data")
    for snippet in snippets:
        file = target / book.relative(snippet.file)
        file.parent.mkdir(exist_ok=True)
        shutil.copy(snippet.file, file)
    (target / "docs").mkdir()
    hub.lay_out(Book(target))  # the weights lie ready for both, as on a machine that has them


def ours(target: Path) -> float:
    environment = {**os.environ, "BOOK_ROOT": str(target)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "toolkit", "record", "--all"], env=environment, check=True)
    return time.perf_counter() - begun


def theirs(target: Path, snippets: list[Snippet], variables: dict[str, str]) -> float:
    (target / "mkdocs.yml").write_text(CONFIG)
    (target / "docs" / "index.md").write_text("# Bench\n")
    for snippet in snippets:
        cells = [
            {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [],
             "source": cell.source}
            for n, cell in enumerate(snippet.cells)
        ]  # fmt: skip
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (target / "docs" / f"{snippet.file.stem}.ipynb").write_text(json.dumps(notebook))
    # A kernel starts beside its notebook, and the snippets read their data from the book's root.
    (target / "docs" / "snippets").symlink_to(target / "snippets")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
    begun = time.perf_counter()
    subprocess.run(command, cwd=target, env={**os.environ, **variables}, check=True)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", action="store_true", help="the trainings of up to a minute too")
    options = parser.parse_args()
    book = Book.locate()
    took = {state.file: state.record.about["seconds"] for state in Shelf(book).states() if state.record}
    longest = 60 if options.trainings else 10
    files = [file for file in book.snippet_files() if took.get(file, 0) <= longest]
    snippets = [read(file, book) for file in files]
    variables = {**environment(book, hub.environment(book)), "NO_MKDOCS_2_WARNING": "1"}
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for folder in (first, second):
            copy_book(book, Path(folder), snippets)
        recorder = ours(Path(first))
        jupyter = theirs(Path(second), snippets, variables)
    print(f"{len(snippets)} snippets, {machine()}")
    print(f"toolkit record --all             {recorder:6.1f} s")
    print(f"mkdocs-jupyter, execute: true    {jupyter:6.1f} s")
    print(f"ratio                            {jupyter / recorder:6.1f}")


if __name__ == "__main__":
    main()
