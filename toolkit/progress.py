"""Tell the author how far a recording is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from toolkit.run import Run
from toolkit.snippets import Snippet


class Progress:
    """Use as a context manager around the runs."""

    def __init__(self, total: int, done: str = "recorded", bar: bool = True) -> None:
        self.total, self.done, self.wanted = total, 0, bar
        self.verb = f"{done:8}"
        self._drawn = 0.0
        self.running: dict[str, float] = {}
        self.bar: Any = None
        self.begun = time.monotonic()

    def __enter__(self) -> Progress:
        if self.wanted and sys.stderr.isatty() and self.total:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
            )
            # No refresh thread: the process forks, and a thread's locks would be copied as they are.
            self.bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False)
            self.bar.start()
            self.task = self.bar.add_task("importing packages", total=self.total)
            self.bar.refresh()
        return self

    def started(self, snippet: Snippet) -> None:
        self.running[snippet.name] = time.monotonic()
        self._refresh()

    def finished(self, run: Run, failures: list[str]) -> None:
        self.done += 1
        self.running.pop(run.snippet.name, None)
        took = f"{run.seconds:6.1f} s {run.peak_mb:5d} MB  {run.snippet.name}"
        if self.bar:
            mark = "[red]failed[/]  " if failures else f"[green]{self.verb}[/]"
            self.bar.console.print(f"{mark} {took}", highlight=False)
        else:
            print(
                f"[{self.done}/{self.total}] {'failed  ' if failures else self.verb} {took}", file=sys.stderr
            )
        if run.fault and run.fault.details:
            print(run.fault.details, file=sys.stderr)
        elif run.fault and run.log.strip():
            print(run.log.strip()[-1500:], file=sys.stderr)
        self._refresh()

    def tick(self) -> None:
        """Called often: keeps the clock of the bar going."""
        if time.monotonic() - self._drawn > 0.25:
            self._refresh()

    def _refresh(self) -> None:
        self._drawn = time.monotonic()
        if self.bar:
            names = ", ".join(self.running) or "done"
            self.bar.update(self.task, completed=self.done, description=names)
            self.bar.refresh()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar:
            self.bar.stop()
        elif self.total:
            print(f"{self.done} of {self.total} in {time.monotonic() - self.begun:.1f} s", file=sys.stderr)
