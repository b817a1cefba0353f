"""Records: what is stale and why, and how one is written. Needs no package beyond Python."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.book import Book, BookError
from toolkit.hub import Model, read_catalog
from toolkit.snippets import Cell, Snippet, SnippetError, read

if TYPE_CHECKING:
    from toolkit.run import Run

FORMAT = 1
SIZE_LIMIT = 5_000_000
"""Bytes of one record."""

_DIGEST = re.compile(rb'"digest": "([0-9a-f]{64})"')
_NO_DIGEST = b'"digest": "' + b"0" * 64 + b'"'


@dataclass(frozen=True)
class Record:
    """An executed notebook, read back."""

    file: Path
    about: dict[str, Any]
    """Notebook metadata `record`: what it depended on, what it took, and on what machine."""
    outputs: dict[str, list[dict[str, Any]]]
    """Cell title -> outputs."""
    sources: dict[str, str]
    tags: dict[str, list[str]]


@dataclass
class State:
    """A snippet and what is to be said of its record."""

    file: Path
    shown: str
    snippet: Snippet | None = None
    record: Record | None = None
    reasons: list[str] = field(default_factory=list)
    """Why the record can't stand; empty when it can."""

    @property
    def fresh(self) -> bool:
        return not self.reasons


class RecordError(BookError):
    """A record that can't be read."""


def read_record(file: Path, book: Book) -> Record:
    """Raises RecordError, in one sentence, if it is truncated, not JSON, or edited by hand."""
    shown = book.relative(file)
    data = file.read_bytes()
    found = _DIGEST.search(data)
    try:
        notebook = json.loads(data)
        about = notebook["metadata"]["record"]
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        titles = [cell["metadata"]["title"] for cell in cells]
        texts = ["".join(cell["source"]) for cell in cells]
        outputs = [cell["outputs"] for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        what = "is not JSON, or is cut off" if isinstance(error, ValueError) else "is no record"
        raise RecordError(f"{shown} {what} ({error})") from None
    if not found or found[1].decode() != hashlib.sha256(_DIGEST.sub(_NO_DIGEST, data, count=1)).hexdigest():
        raise RecordError(f"{shown} was edited by hand")
    if about.get("format") != FORMAT:
        raise RecordError(f"{shown} has another format than this toolkit writes")
    tags = [cell["metadata"].get("tags", []) for cell in cells]
    return Record(
        file,
        about,
        dict(zip(titles, outputs, strict=True)),
        dict(zip(titles, texts, strict=True)),
        dict(zip(titles, tags, strict=True)),
    )


class Shelf:
    """Reads the states of a book's records, hashing each file that they depend on once."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.catalog = read_catalog(book)
        self.pins = read_pins(book)
        self._hashes: dict[str, str] = {}

    def states(self, files: Sequence[Path] | None = None) -> list[State]:
        return [self.state(file) for file in (self.book.snippet_files() if files is None else files)]

    def orphans(self) -> list[str]:
        """Sentences about records that no snippet stands behind."""
        expected = {self.book.record_file(file) for file in self.book.snippet_files()}
        return [
            f"{self.book.relative(file)} has no snippet: delete it"
            for file in sorted(self.book.lab.glob("*/*.ipynb"))
            if file not in expected
        ]

    def state(self, file: Path) -> State:
        state = State(file, self.book.relative(file))
        record_file = self.book.record_file(file)
        try:
            if record_file.exists():
                state.record = read_record(record_file, self.book)
            else:
                state.reasons.append("has no record")
        except RecordError as error:
            state.reasons.append(str(error))
        if state.record is not None and state.record.about["source"] == self.hash(file):
            state.reasons += self._changes(state.record)
            return state
        try:
            state.snippet = read(file, self.book)
        except SnippetError as error:
            state.reasons.append(str(error))
        if state.record is not None:
            state.reasons.insert(0, f"`{state.shown}` changed")
        return state

    def _changes(self, record: Record) -> list[str]:
        about = record.about
        changed = []
        for path, digest in about["files"].items():
            now = self.hash(self.book.root / path)
            if now != digest:
                changed.append(f"`{path}` {'changed' if now else 'is gone'}")
        for package, version in about["packages"].items():
            pinned = self.pins.get(package)
            if pinned != version:
                changed.append(f"`{package}` is pinned to {pinned or 'nothing'}, recorded with {version}")
        for weights in about["weights"]:
            model = self.catalog.get(weights["id"])
            if model is None:
                changed.append(f"`{weights['id']}` left the catalog")
            elif weights["key"] != _weights_key(model, weights["from"], self.catalog):
                changed.append(f"weights of `{weights['id']}` changed")
        return changed

    def hash(self, path: Path) -> str:
        """SHA-256 of a file, of a folder's list of names, or "" where there is nothing."""
        key = str(path)
        if key not in self._hashes:
            self._hashes[key] = _hash(path)
        return self._hashes[key]


def _hash(path: Path) -> str:
    try:
        if path.is_dir():
            names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith((".", "__")))
            return hashlib.sha256("\n".join(names).encode()).hexdigest()
        # Line ends as git stores them, so that a checkout on Windows is not stale.
        return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    except OSError:
        return ""


def _weights_key(model: Model, origin: str, catalog: dict[str, Model]) -> str:
    if origin == "hub":
        return model.revision
    base = model.embedded.get("base")
    return model.key[:16] + (catalog[base].key[:16] if base in catalog else "")


def read_pins(book: Book) -> dict[str, str]:
    """Package -> version of each `name==version` line of the requirements files."""
    pins = {}
    for name in ("constraints.txt", "requirements-docs.txt", "requirements.txt"):
        file = book.root / name
        if file.exists():
            found = re.findall(
                r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", file.read_text(), re.MULTILINE
            )
            pins.update({_normal(package): version for package, version in found})
    return pins


def _normal(package: str) -> str:
    """A distribution's name as PyPA compares names."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _installed(modules: Sequence[str], pins: dict[str, str]) -> dict[str, str]:
    """Version that ran of each pinned package; a pin that was not installed makes the record stale."""
    changed = tuple(os.stat(path).st_mtime_ns for path in sys.path if os.path.isdir(path))
    needed = set(modules)
    return {
        package: version
        for package, (version, provided) in _provided(tuple(sorted(pins)), changed).items()
        if not needed.isdisjoint(provided)
    }


@lru_cache(maxsize=1)
def _provided(packages: tuple[str, ...], changed: tuple[int, ...]) -> dict[str, tuple[str, frozenset[str]]]:
    """Of each package that is installed, its version and its top-level modules. `changed` says when something
    was last installed: reading all of this takes a second, and a recorder may stay for days.
    """
    found = {}
    for package in packages:
        try:
            distribution = importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        names = set((distribution.read_text("top_level.txt") or "").split())
        if not names:
            for line in (distribution.read_text("RECORD") or "").splitlines():
                path = line.rpartition(",")[0].rpartition(",")[0]
                if path.endswith((".py", ".so", ".pyd")) and not path.startswith((".", "/")):
                    names.add(path.partition("/")[0].partition(".")[0])
        found[package] = (distribution.version.partition("+")[0], frozenset(names))
    return found


def _hash_as_read(path: Path, run: Run, shelf: Shelf) -> str:
    """The file's hash, or one that fits nothing if the file changed after the run began."""
    try:
        if path.is_file() and path.stat().st_mtime > run.begun > 0:
            return "changed while it was read"
    except OSError:
        return "gone while it was read"
    return shelf.hash(path)


def make_record(run: Run, book: Book, shelf: Shelf, weights: str) -> dict[str, Any]:
    """The notebook of a run that ended well."""
    snippet = run.snippet
    cells: list[dict[str, Any]] = []
    title = snippet.file.stem.replace("_", " ").capitalize()
    cells.append(_markdown("title", f"# {title}\n\n{snippet.about}".strip()))
    for index, (cell, outputs) in enumerate(zip(snippet.cells, run.outputs, strict=True), 1):
        name = f"{index}-{cell.slug[:45]}".rstrip("-")
        cells.append(_markdown(f"{name}-title", f"## {cell.title[0].upper()}{cell.title[1:]}"))
        cells.append(_code(cell, outputs, name))
    about = {
        "digest": "0" * 64,
        "files": {path: _hash_as_read(book.root / path.rstrip("/"), run, shelf) for path in run.files},
        "format": FORMAT,
        "machine": machine(),
        "packages": _installed(run.packages, shelf.pins),
        "peak_mb": run.peak_mb,
        "seconds": round(run.seconds, 2),
        "snippet": snippet.shown,
        # What was executed, even if the author has saved again in the meantime.
        "source": hashlib.sha256(snippet.text.encode()).hexdigest(),
        "weights": [_weights(name, revision, shelf, weights) for name, revision in run.models],
    }
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "record": about,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write_record(notebook: dict[str, Any], file: Path, book: Book) -> None:
    """Write by rename, so that a reader finds the old record or the new one, never half of one."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    data = text.encode("utf-8")
    if len(data) > SIZE_LIMIT:
        reason = f"its record would have {len(data) / 1e6:.1f} MB, over {SIZE_LIMIT / 1e6:.0f} MB"
        raise BookError(f"{notebook['metadata']['record']['snippet']}: {reason}")
    digest = hashlib.sha256(data).hexdigest().encode()
    data = data.replace(_NO_DIGEST, b'"digest": "' + digest + b'"', 1)
    file.parent.mkdir(parents=True, exist_ok=True)
    staging = book.cache / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=staging)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.chmod(name, 0o644)
    try:
        os.replace(name, file)
    except OSError:  # the cache lies on another file system
        beside = file.with_name(f".{file.name}.staging")
        shutil.move(name, beside)
        os.replace(beside, file)


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _lines(text)}


def _code(cell: Cell, outputs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    stored = []
    for output in outputs:
        output = dict(output)
        if "text" in output:
            output["text"] = _lines(output["text"])
        if "data" in output:
            output["data"] = {
                kind: _lines(value)
                if isinstance(value, str) and kind.startswith(("text/", "image/svg"))
                else value
                for kind, value in sorted(output["data"].items())
            }
        stored.append(output)
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {"tags": list(cell.tags), "title": cell.title},
        "outputs": stored,
        "source": _lines(cell.source),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(True)


def _weights(name: str, revision: str, shelf: Shelf, origin: str) -> dict[str, Any]:
    model = shelf.catalog.get(name)
    if model is None:
        return {"id": name, "from": origin, "revision": revision, "key": revision, "name": name}
    return {
        "id": name,
        "from": origin,
        "key": _weights_key(model, origin, shelf.catalog),
        "name": model.embedded["name"] if origin == "embedded" else name,
        "revision": revision,
    }


@lru_cache(maxsize=1)
def machine() -> str:
    """The machine in words: `2 cores, x86-64, 24 GB, no GPU`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = [f"{cores} core{'s' if cores > 1 else ''}", platform.machine().replace("_", "-")]
    if hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        parts.append(f"{total / 2**30:.0f} GiB")
    parts.append(f"{platform.system()}, Python {platform.python_version()}")
    return ", ".join(parts)


def shape(outputs: Sequence[dict[str, Any]], measured: bool) -> list[Any]:
    """What two executions of a cell must have in common.

    Text and tables to the letter, or for a measured cell with every number taken out. Of a
    figure: that it is there, and its text alternative, since a drawing's bytes differ by machine.
    """
    common: list[Any] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            common.append(_numberless("".join(output["text"])) if measured else "".join(output["text"]))
        elif kind == "error":
            common.append((output["ename"], output["evalue"]))
        else:
            data = output["data"]
            for mime in sorted(data):
                if mime.startswith(("image/", "audio/")):
                    common.append((mime, output["metadata"].get(mime, {}).get("alt")))
                elif "<audio" not in (text := "".join(data[mime])):
                    common.append((mime, _numberless(text) if measured else text))
    return common


def _numberless(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?|nan|inf", "#", text)).strip()
