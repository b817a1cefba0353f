"""Record what becomes stale while an author works; `mkdocs serve` runs this beside itself."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import hub
from toolkit.book import BookError
from toolkit.record import Shelf, State
from toolkit.run import end_with_parent
from toolkit.snippets import SnippetError, read

if TYPE_CHECKING:
    from toolkit.__main__ import Recorder

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 2.0
"""A snippet that takes longer than this gets a badge on its page meanwhile. To show one is to build the site
again, which the output of a snippet that is done by then would have to wait for.
"""


def watch(recorder: Recorder) -> int:
    """Loop until the parent process ends."""
    book, parent = recorder.book, os.getppid()
    recorder.bar = False
    end_with_parent()
    status = book.cache / "status"
    status.mkdir(parents=True, exist_ok=True)
    for leftover in status.glob("*.json"):
        leftover.unlink()
    warm = getattr(recorder.runner, "warm", None)
    if warm:
        for file in book.snippet_files():
            with contextlib.suppress(SnippetError):
                warm(read(file, book))
    before: object = None
    while os.getppid() == parent:
        now = _signature(recorder)
        if now != before:
            before = now
            try:
                _record_stale(recorder, status)
            except BookError as error:
                print(f"error: {error}", file=sys.stderr)
            except Exception as error:  # no fault of one recording may end the loop
                print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        time.sleep(_POLL_SECONDS)
    return 0


def _signature(recorder: Recorder) -> object:
    """Times and sizes of everything that can make a record stale; cheap enough to take often."""
    book = recorder.book
    files = [*book.snippet_files(), *book.models.rglob("*")]
    files += [*book.snippets.glob("data/**/*"), *book.docs.glob("data/**/*"), *book.root.glob("*.txt")]
    found = []
    for file in files:
        try:
            stat = file.stat()
            found.append((str(file), stat.st_mtime_ns, stat.st_size))
        except FileNotFoundError:
            continue
    return found, sorted(book.lab.glob("*/*.ipynb"))


def _record_stale(recorder: Recorder, folder: Path) -> None:
    """Record what is stale, what failed before included: the loop runs only after a change."""
    hub.environment(recorder.book, recorder.weights)  # lays out weights that changed meanwhile
    for state in Shelf(recorder.book).states():
        if state.fresh:
            _file(folder, state).unlink(missing_ok=True)
            continue
        recorder.runner.tick = _badge_after_a_while(folder, state)
        failures = recorder.record([state])
        if failures:
            for line in failures:
                print(line, file=sys.stderr, flush=True)
            _write(folder, state, {"failed": failures[0], "details": recorder.details})
        else:
            _file(folder, state).unlink(missing_ok=True)


def _badge_after_a_while(folder: Path, state: State) -> Callable[[], None]:
    """Called often while a snippet runs: says so on its page once, when that takes long, and at once if it
    took long the last time.
    """
    begun, said = time.monotonic(), False
    last = state.record.about["seconds"] if state.record else 0.0
    patience = 0.0 if last > _PATIENCE_SECONDS else _PATIENCE_SECONDS

    def tick() -> None:
        nonlocal said
        if not said and time.monotonic() - begun > patience:
            said = True
            _write(folder, state, {"recording": True})

    return tick


def _file(folder: Path, state: State) -> Path:
    return folder / f"{state.file.parent.name}.{state.file.stem}.json"


def _write(folder: Path, state: State, status: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _file(folder, state).write_text(json.dumps(status), encoding="utf-8")
