"""All snippets in one zip, with every file that they read: unpacked anywhere, each runs as it is."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

from toolkit.book import Book
from toolkit.hub import read_catalog
from toolkit.kept import Kept
from toolkit.record import RecordError, read_record

NAME = "snippets.zip"
FOLDER = "the-chapter-that-runs"
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same files give the same bytes."""


def archive(book: Book, kept: Kept) -> bytes:
    """What a snippet reads is known: its record holds it. A snippet without one brings only itself."""
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
    made_from = hashlib.sha256()
    for name, content in contents.items():
        made_from.update(f"{name}\0{len(content)}\0".encode() + content)
    packed = kept.get(lambda: base64.b64encode(_pack(contents)).decode(), "zip", made_from.hexdigest())
    return base64.b64decode(packed)


def _pack(contents: dict[str, bytes]) -> bytes:
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
