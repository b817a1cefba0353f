"""One node of a cluster: executes the snippets that standard input names, with one warm worker.

`toolkit.cluster` starts this program on each node as `python -m toolkit node`. A line of input is
the path of a snippet from the book's root; a line of output is a JSON object, the outcome of one.
Ray's own worker process does not fork the snippets: it has threads, and a fork would copy their locks.
"""

from __future__ import annotations

import json
import os
import select
from typing import Any

from toolkit import hub
from toolkit.book import Book, BookError
from toolkit.record import Shelf, make_record
from toolkit.run import ForkRunner, Run, end_with_parent
from toolkit.snippets import Snippet, SnippetError, read


def serve(book: Book, weights: str, jobs: int) -> int:
    """Run what is named, up to `jobs` at a time, until the input ends."""
    end_with_parent()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a package prints while it is imported is no reply
    inbox = _Inbox(book, replies)
    runner = ForkRunner(book, hub.environment(book, weights))
    for run in runner.serve(inbox.arrived, jobs):
        _reply(replies, run.snippet.shown, _outcome(run, book, weights))
    return 0


def _outcome(run: Run, book: Book, weights: str) -> dict[str, Any]:
    """What came of a run, in JSON's terms. The record is made here, by what lies on this node."""
    outcome: dict[str, Any] = {"seconds": run.seconds, "peak_mb": run.peak_mb, "log": run.log}
    if run.fault is not None:
        fault = run.fault
        outcome["fault"] = {"line": fault.line, "reason": fault.reason, "details": fault.details}
        return outcome
    try:
        outcome["notebook"] = make_record(run, book, Shelf(book), weights)
    except (BookError, OSError, ValueError, TypeError) as error:
        outcome["fault"] = {"line": 1, "reason": f"can't be recorded: {error}", "details": ""}
    return outcome


def _reply(replies: Any, shown: str, outcome: dict[str, Any]) -> None:
    replies.write(json.dumps({"snippet": shown, **outcome}) + "\n")
    replies.flush()


class _Inbox:
    """Standard input, read without waiting for it."""

    def __init__(self, book: Book, replies: Any) -> None:
        self.book, self.replies = book, replies
        self._rest = b""

    def arrived(self) -> list[Snippet] | None:
        """The snippets named since the last call; None once no more will be."""
        found: list[Snippet] = []
        while select.select([0], [], [], 0)[0]:
            data = os.read(0, 65536)
            if not data:
                return found or None
            *lines, self._rest = (self._rest + data).split(b"\n")
            for shown in (line.decode() for line in lines):
                try:
                    found.append(read(self.book.root / shown, self.book))
                except (SnippetError, OSError) as error:
                    fault = {"line": 1, "reason": str(error), "details": ""}
                    _reply(self.replies, shown, {"seconds": 0.0, "peak_mb": 0, "log": "", "fault": fault})
        return found
