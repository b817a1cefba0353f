"""The command line: `python -m toolkit record`, `run`, `weights`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from toolkit import hub
from toolkit.book import Book, BookError
from toolkit.record import RecordError, Shelf, State, make_record, read_record, shape, write_record
from toolkit.snippets import Snippet, SnippetError, read

if TYPE_CHECKING:
    from toolkit.run import Run

Finish: TypeAlias = "Callable[[Run, Shelf], list[str]]"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _stop)
    try:
        book = Book.locate()
        return int(options.call(book, options))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a folder without permission, a file where a folder should be
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; records already written are kept", file=sys.stderr)
        return 130


def _stop(*_: object) -> None:
    # Not SystemExit: the recorder passes over that when a package raises it while it is imported.
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m toolkit", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    weights: dict[str, Any] = {"choices": ("embedded", "hub"), "default": "embedded"}

    record = commands.add_parser("record", help="execute the snippets whose records are stale")
    record.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="snippets or folders; all if none"
    )
    record.add_argument("--all", action="store_true", help="execute fresh ones too")
    record.add_argument("--check", action="store_true", help="execute nothing, say what is stale and why")
    record.add_argument(
        "--verify", action="store_true", help="execute, write nothing, compare with the records"
    )
    record.add_argument("--watch", action="store_true", help="stay, and record whatever becomes stale")
    record.add_argument(
        "--jobs", type=_positive, metavar="N", help="snippets at a time, on each node; all CPUs if not given"
    )
    record.add_argument(
        "--ray", metavar="ADDRESS", help="spread them over the Ray cluster at this address, or `auto`"
    )
    record.add_argument("--weights", **weights, help="which weights answer under the Hub ids")
    record.add_argument(
        "--runner", choices=("auto", "fork", "notebook"), default="auto", help=argparse.SUPPRESS
    )
    record.set_defaults(call=_record)

    node = commands.add_parser("node")  # what `record --ray` starts on each node; no help, no listing
    node.add_argument("--jobs", type=_positive, default=1)
    node.add_argument("--weights", **weights)
    node.set_defaults(call=_node)

    run = commands.add_parser("run", help="run one snippet as a script, on the embedded weights")
    run.add_argument("file", type=Path)
    run.add_argument("rest", nargs=argparse.REMAINDER, help="arguments of the snippet")
    run.add_argument("--weights", **weights, help="which weights answer under the Hub ids")
    run.set_defaults(call=_run)

    retrain = commands.add_parser("weights", help="retrain the embedded weights and put them into models/")
    retrain.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="training snippets; all if none")
    retrain.set_defaults(call=_weights)

    live = commands.add_parser("live", help="build the models and scripts that run in the page")
    live.add_argument("--check", action="store_true", help="then check the types and run the tests of web/")
    live.add_argument("--node", action="store_true", help="build nothing; print which node would be used")
    live.set_defaults(call=_live)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("is at least 1")
    return number


def _record(book: Book, options: argparse.Namespace) -> int:
    if options.check:
        return check(book, _chosen(book, options.paths))
    if options.watch and options.ray:
        raise BookError("--watch records on this machine: leave out --ray")
    if options.watch:
        from toolkit.watch import watch

        return watch(Recorder(book, options.weights, 1, options.runner))
    files = _chosen(book, options.paths)
    states = Shelf(book).states(files)
    wanted = states if options.all or options.verify else [state for state in states if not state.fresh]
    jobs = 1 if len(wanted) == 1 and not options.ray else options.jobs
    recorder = Recorder(book, options.weights, jobs, options.runner, options.ray)
    failures = recorder.verify(wanted) if options.verify else recorder.record(wanted)
    for line in failures:
        print(line, file=sys.stderr)
    return 1 if failures else 0


def _chosen(book: Book, paths: Sequence[Path]) -> list[Path]:
    files = book.snippet_files()
    if not paths:
        return files
    chosen: list[Path] = []
    for path in paths:
        absolute = path.resolve()
        found = [file for file in files if file == absolute or absolute in file.parents]
        if not found:
            raise BookError(f"{path} is no snippet; snippets lie in snippets/<page>/<name>.py")
        chosen += [file for file in found if file not in chosen]
    return chosen


def check(book: Book, files: Sequence[Path]) -> int:
    """Print a line for each record that can't stand; 0 if there is none."""
    shelf = Shelf(book)
    states = shelf.states(files)
    lines = [f"{state.shown}: {'; '.join(state.reasons)}" for state in states if not state.fresh]
    lines += shelf.orphans()
    for line in lines:
        print(line)
    if not lines:
        print(f"{len(states)} records are fresh")
    return 1 if lines else 0


class Recorder:
    """Executes snippets with one runner that stays warm."""

    def __init__(
        self, book: Book, weights: str, jobs: int | None, runner: str = "auto", cluster: str | None = None
    ) -> None:
        """`jobs` snippets run at a time, on each node if `cluster` is the address of a Ray cluster."""
        from toolkit.run import ForkRunner, can_fork

        self.book, self.weights, self.jobs = book, weights, jobs or os.cpu_count() or 1
        self.details = ""
        """Traceback of the last failure."""
        self.bar = True
        """Whether to draw a progress bar on a terminal."""
        if cluster:
            self.runner = _cluster_runner(book, cluster, weights, jobs)
            return
        environment = hub.environment(book, weights)
        if runner == "fork" or (runner == "auto" and can_fork()):
            self.runner = ForkRunner(book, environment, alone=self.jobs == 1)
        else:
            from toolkit.notebook import NotebookRunner

            self.runner = NotebookRunner(book, environment)

    def record(self, states: Sequence[State]) -> list[str]:
        """Execute and write. Returns one line for each failure; what succeeded is written."""
        return self._each(states, self._write, "recorded")

    def verify(self, states: Sequence[State]) -> list[str]:
        """Execute and compare. Returns one line for each difference."""
        return self._each(states, self._compare, "verified")

    def _each(self, states: Sequence[State], finish: Finish, done: str) -> list[str]:
        from toolkit.progress import Progress

        snippets, failures = [], []
        self.details = ""
        for state in states:
            try:
                snippets.append(state.snippet or read(state.file, self.book))
            except SnippetError as error:
                failures.append(str(error))
        shelf = Shelf(self.book)
        with Progress(len(snippets), done, self.bar) as progress:
            if progress.bar:
                self.runner.tick = progress.tick
            for run in self.runner.run(self._longest_first(snippets, states), self.jobs, progress.started):
                try:
                    lines = [run.message] if run.fault else finish(run, shelf)
                except (OSError, ValueError, TypeError) as error:
                    lines = [f"{run.snippet.shown}: can't be recorded: {error}"]
                self.details = run.fault.details if run.fault else ""
                failures += lines
                progress.finished(run, lines)
        return failures

    def _longest_first(self, snippets: list[Snippet], states: Sequence[State]) -> list[Snippet]:
        took = {state.file: state.record.about["seconds"] for state in states if state.record}
        return sorted(snippets, key=lambda snippet: -took.get(snippet.file, 0.0))

    def _write(self, run: Run, shelf: Shelf) -> list[str]:
        try:
            notebook = run.notebook or make_record(run, self.book, shelf, self.weights)
            write_record(notebook, self.book.record_file(run.snippet.file), self.book)
        except BookError as error:
            return [str(error)]
        return []

    def _compare(self, run: Run, shelf: Shelf) -> list[str]:
        try:
            record = read_record(self.book.record_file(run.snippet.file), self.book)
        except FileNotFoundError:
            return [f"{run.snippet.shown}: has no record"]
        except RecordError as error:
            return [f"{run.snippet.shown}: {error}"]
        return [
            f"{run.snippet.shown}:{cell.line}: cell `{cell.title}` now shows {now!r}, its record {then!r}"
            for cell, outputs in zip(run.snippet.cells, run.outputs, strict=True)
            if (now := shape(outputs, cell.measured))
            != (then := shape(record.outputs.get(cell.title, []), cell.measured))
        ]


def _run(book: Book, options: argparse.Namespace) -> int:
    if not options.file.is_file():
        raise BookError(f"{options.file} is no file")
    environment = {**os.environ, **hub.environment(book, options.weights)}
    command = [sys.executable, str(options.file), *options.rest]
    if os.name == "nt":
        import subprocess

        return subprocess.run(command, env=environment, check=False).returncode
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)


def _cluster_runner(book: Book, address: str, weights: str, jobs: int | None) -> Any:
    try:
        from toolkit.cluster import ClusterRunner
    except ModuleNotFoundError as error:
        raise BookError(f"--ray needs a package that is not installed: {error.name}") from None
    return ClusterRunner(book, address, weights, jobs)


def _node(book: Book, options: argparse.Namespace) -> int:
    from toolkit.node import serve

    return serve(book, options.weights, options.jobs)


def _live(book: Book, options: argparse.Namespace) -> int:
    from toolkit import live

    if options.node:
        print(live.node())
        return 0
    live.build(book)
    return live.check(book) if options.check else 0


def _weights(book: Book, options: argparse.Namespace) -> int:
    """Train in the order of the catalog: a later model may stand on an earlier one."""
    models = hub.read_catalog(book).values()
    trainers = [
        book.root / model.embedded["trained_by"] for model in models if "trained_by" in model.embedded
    ]
    chosen = _chosen(book, options.paths)
    files = [file for file in dict.fromkeys(trainers) if file in chosen]
    if not files:
        raise BookError("none of these snippets trains weights of models/catalog.toml")
    recorder = Recorder(book, "embedded", 1)
    begun = time.monotonic()
    for file in files:
        failures = recorder.record(Shelf(book).states([file]))
        if failures:
            print("\n".join(failures), file=sys.stderr)
            return 1
        print("\n".join(hub.adopt_trained(book)), flush=True)
        hub.lay_out(book)
    print(f"{time.monotonic() - begun:.0f} s; now `python -m toolkit record` for what depends on them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
