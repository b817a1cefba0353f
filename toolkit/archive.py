"""All snippets in one zip, with every file that they read: unpacked anywhere, each runs as it is."""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache
from pathlib import Path

from toolkit.book import Book
from toolkit.hub import read_catalog
from toolkit.record import RecordError, read_record

NAME = "snippets.zip"
FOLDER = "the-chapter-that-runs"
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same files give the same bytes."""


def archive(book: Book) -> bytes:
    """What a snippet reads is known: its record holds it. A snippet without one brings only itself."""
    # Served to its author, the book is built again at each change, and most change nothing here.
    kept = [*book.snippet_files(), *sorted(book.lab.glob("*/*.ipynb")), book.root / "requirements.txt"]
    return _packed(book, tuple((file, file.stat().st_mtime_ns) for file in kept))


@lru_cache(maxsize=1)
def _packed(book: Book, changed: tuple[tuple[Path, int], ...]) -> bytes:
    files = {*book.snippet_files(), book.root / "LICENSE"}
    own = tuple(f"{name}/" for name, model in read_catalog(book).items() if model.own)
    for file in book.snippet_files():
        try:
            about = read_record(book.record_file(file), book).about
        except (FileNotFoundError, RecordError):
            continue
        # What stands in for a model of the Hub stays here: a reader has the original.
        read = {name for name in about["files"] if not name.startswith("models/") or name.startswith(own)}
        files |= {book.root / name for name in read if not name.endswith("/")}
    contents = {book.relative(file): file.read_bytes() for file in sorted(files) if file.is_file()}
    contents |= {"README.txt": _README.encode(), "requirements.txt": _requirements(book).encode()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", _WHEN)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def _requirements(book: Book) -> str:
    """The pins of what the snippets import, without the packages that render the pages."""
    lines = (book.root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if "==" in line) + "\n"


_README = """The snippets of the chapter "Inference vs Training", with the data that they read.

Run them from this folder, so that they find it:

    pip install -r requirements.txt     or only what a snippet's first lines name
    python snippets/what_is_inference/classify_text.py

The models that they name come from the Hugging Face Hub.
"""
