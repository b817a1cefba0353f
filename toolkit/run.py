"""Run snippets: one warm process imports the heavy packages, then forks a child for each."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import faulthandler
import gc
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit import downloads
from toolkit.book import Book
from toolkit.execute import TEXT_LIMIT, Capture, Fault, LineMarker, Output, execute
from toolkit.figures import STYLE
from toolkit.observe import ImportGraph, Observer, landlock
from toolkit.snippets import Snippet

LOG_LIMIT = 20_000_000
"""Bytes that a snippet may write to standard error, which no record keeps."""

_ACCOUNTS = ("OPENAI_", "REPLICATE_")
"""Variables of services that an author pays for: a record is what a reader without them sees."""

_POLL_SECONDS = 0.01
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


@dataclass
class Run:
    """What came of one snippet: its outputs, or the fault that ended it."""

    snippet: Snippet
    outputs: list[list[Output]] = field(default_factory=list)
    fault: Fault | None = None
    log: str = ""
    """The end of what it wrote to standard error."""
    begun: float = 0.0
    """Unix time at which it started."""
    seconds: float = 0.0
    peak_mb: int = 0
    """Highest resident memory, MB of 10^6 bytes, the warm packages included."""
    files: list[str] = field(default_factory=list)
    models: list[tuple[str, str]] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    notebook: dict[str, Any] | None = None
    """Its record, where another machine made it."""

    @property
    def message(self) -> str:
        """The one line that says what went wrong and where."""
        assert self.fault is not None
        return f"{self.snippet.shown}:{self.fault.line}: {' '.join(self.fault.reason.split())}"


def can_fork() -> bool:
    # macOS has fork, but its system libraries may not be used in a forked child.
    return sys.platform.startswith("linux")


def environment(book: Book, hub: dict[str, str], alone: bool = False) -> dict[str, str]:
    """Environment variables that a snippet's process gets on top of the author's own."""
    style = book.cache / "matplotlib" / "matplotlibrc"
    style.parent.mkdir(parents=True, exist_ok=True)
    style.write_text("".join(f"{name}: {value}\n" for name, value in STYLE.items()), encoding="utf-8")
    # Where children share the cores, threads that wait must sleep, not spin; where one has all of them,
    # to wake them up takes a third of its time.
    share = {} if alone else {"OMP_WAIT_POLICY": "passive"}
    return {
        **hub,
        **share,
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(book.cache / "matplotlib"),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def set_environment(book: Book, hub: dict[str, str], alone: bool = False) -> None:
    """Make this process's environment that of the snippets, without the author's accounts."""
    for name in [name for name in os.environ if name.startswith(_ACCOUNTS)]:
        del os.environ[name]
    os.environ.update(environment(book, hub, alone))


class ForkRunner:
    """Keeps the imported packages warm and runs each snippet in a child of its own."""

    def __init__(self, book: Book, hub: dict[str, str], alone: bool = False) -> None:
        """`alone` if it never runs more than one snippet at a time."""
        self.book = book
        self.imports = ImportGraph()
        self._live: dict[int, _Job] = {}
        self._imported: set[str] = set()
        self.tick: Callable[[], None] = lambda: None
        """Called many times a second while a snippet runs."""
        set_environment(book, hub, alone)
        for leftover in (book.cache / "sandboxes").glob("run-*"):
            # Of a recorder that was killed: the folder's name holds its process.
            if not Path(f"/proc/{leftover.name.split('-')[1]}").exists():
                remove_sandbox(leftover)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self.imports.start()

    def warm(self, snippet: Snippet) -> None:
        """Execute the import statements of a snippet here, once, for all children."""
        from IPython.core.interactiveshell import InteractiveShell  # noqa: F401

        if "os.environ[" in snippet.text:
            return  # it may set what its imports will read
        gc.disable()  # nothing that an import makes is garbage
        for node in ast.walk(ast.parse(snippet.text)):
            if not isinstance(node, (ast.Import, ast.ImportFrom)) or bool(getattr(node, "level", 0)):
                continue
            names = (
                [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            )
            if all((name or "").partition(".")[0] in sys.stdlib_module_names for name in names):
                continue  # cheap, and some print or act when they are imported
            statement = ast.unparse(node)
            if statement not in self._imported:
                self._imported.add(statement)
                # What fails here fails again in the child, where the author sees it.
                with contextlib.suppress(Exception, SystemExit):
                    exec(compile(statement, "<warm>", "exec"), {"__name__": "toolkit_warm"})
        gc.enable()
        gc.freeze()

    def run(
        self, snippets: Sequence[Snippet], jobs: int, started: Callable[[Snippet], None] = lambda _: None
    ) -> Iterator[Run]:
        """Run the snippets and yield each result as it comes in.

        Up to `jobs` run at a time; one that measures time runs alone, with every core.
        """
        shared = [snippet for snippet in snippets if not snippet.alone]
        alone = [snippet for snippet in snippets if snippet.alone]
        yield from self._run(shared, jobs, started)
        yield from self._run(alone, 1, started)

    def serve(self, arrived: Callable[[], list[Snippet] | None], jobs: int) -> Iterator[Run]:
        """Run what `arrived` brings, up to `jobs` at a time, until it brings None."""
        yield from self._run([], jobs, lambda _: None, arrived)

    def _run(
        self,
        snippets: Sequence[Snippet],
        jobs: int,
        started: Callable[[Snippet], None],
        arrived: Callable[[], list[Snippet] | None] = lambda: None,
    ) -> Iterator[Run]:
        cold, warm = sorted(snippets, key=_import_weight), list[Snippet]()
        try:
            while (more := arrived()) is not None or cold or warm or self._live:
                cold += more or ()
                if warm and len(self._live) < jobs:
                    snippet = warm.pop(0)
                    started(snippet)
                    job = _Job(snippet, self.book, self.imports)
                    self._live[job.pid] = job
                elif cold and not warm:
                    # Import for the next snippet while the children run on the other cores.
                    self.warm(cold[0])
                    warm.append(cold.pop(0))
                    continue
                for job in list(self._live.values()):
                    if job.poll():
                        yield job.end(self)
                self.tick()
                time.sleep(_POLL_SECONDS)
        finally:
            for job in list(self._live.values()):
                job.end(self)

    def reap_strays(self, sandbox: Path) -> None:
        """Kill what a snippet left behind in a session of its own: it became our child."""
        while self._reap(f"BOOK_SANDBOX={sandbox}".encode()):
            pass  # each that is killed hands its own children over to us

    def _reap(self, mark: bytes) -> bool:
        found = False
        try:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        except OSError:
            return False
        for pid in map(int, children):
            if pid in self._live:
                continue
            with contextlib.suppress(OSError):
                # When nothing else runs, whatever is left is this snippet's, even without the mark.
                if not self._live or mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    found = True
        return found


class _Job:
    """One running child."""

    def __init__(self, snippet: Snippet, book: Book, imports: ImportGraph) -> None:
        self.snippet, self.book = snippet, book
        self.marker = LineMarker()
        self.box = make_sandbox(book)
        self.native, self.log, self.result = (
            os.open(self.box / name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            for name in ("stdout", "stderr", "result")
        )
        self.fault: Fault | None = None
        self.status: int | None = None
        self.peak_kb = 0
        self.begun, self.begun_at = time.monotonic(), time.time()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _in_child(self, imports, parent)

    def poll(self) -> bool:
        """Whether the child has ended, of itself or because it went over a limit."""
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self.status, self.peak_kb = status, usage.ru_maxrss
            return True
        if time.monotonic() - self.begun > self.snippet.time_limit:
            limit = f"{self.snippet.time_limit:g} s"
            self.fault = Fault(self._line_now(), f"still ran at its time limit of {limit}")
            return True
        if os.fstat(self.native).st_size > 2 * TEXT_LIMIT:
            self.fault = Fault(self._line_now(), f"printed more than {TEXT_LIMIT:,} characters")
            return True
        if os.fstat(self.log).st_size > LOG_LIMIT:
            reason = f"wrote more than {LOG_LIMIT // 10**6} MB to standard error"
            self.fault = Fault(self._line_now(), reason)
            return True
        return False

    def _line_now(self) -> int:
        """Ask the child for its traceback; it answers even out of native code."""
        start = os.fstat(self.log).st_size
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)
        time.sleep(0.2)
        dump = os.pread(self.log, 100_000, start).decode("utf-8", "replace")
        # faulthandler escapes what is not ASCII.
        shown = self.snippet.shown.encode("ascii", "backslashreplace").decode()
        lines = re.findall(rf'File "{re.escape(shown)}", line (\d+)', dump)
        return int(lines[0]) if lines else self.marker.get()

    def end(self, runner: ForkRunner) -> Run:
        """Kill what is left of the child and its children, and collect the result."""
        seconds = time.monotonic() - self.begun
        for kill in (os.killpg, os.kill):  # the group, and a child that has not made its group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)
        if self.status is None:
            with contextlib.suppress(ChildProcessError):
                _, _, usage = os.wait4(self.pid, 0)
                self.peak_kb = usage.ru_maxrss
        del runner._live[self.pid]
        runner.reap_strays(self.box)
        try:
            return self._collect(seconds)
        finally:
            for descriptor in (self.native, self.log, self.result):
                os.close(descriptor)
            remove_sandbox(self.box)

    def _collect(self, seconds: float) -> Run:
        run = Run(
            self.snippet, begun=self.begun_at, seconds=seconds, peak_mb=round(self.peak_kb * 1024 / 1e6)
        )
        size = os.fstat(self.log).st_size
        run.log = os.pread(self.log, 4000, max(0, size - 4000)).decode("utf-8", "replace")
        data = os.pread(self.result, os.fstat(self.result).st_size, 0)
        if self.fault is not None:
            run.fault = self.fault
        elif self.status is not None and os.WIFSIGNALED(self.status):
            name = signal.Signals(os.WTERMSIG(self.status)).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            run.fault = Fault(self.marker.get(), f"was killed by {name}{hint}")
        elif not data:
            code = os.waitstatus_to_exitcode(self.status) if self.status is not None else "?"
            run.fault = Fault(self.marker.get(), f"ended its process with status {code}")
        else:
            fill(run, json.loads(data))
            trained = self.box / "trained"
            if run.fault is None and trained.is_dir():
                keep_trained(trained, self.book)
        return run


def _import_weight(snippet: Snippet) -> int:
    """Snippets with light imports start first, so that they run while the heavy ones are imported."""
    order = ("torch", "sklearn", "matplotlib", "transformers", "sentence_transformers")
    return max((order.index(name) + 1 for name in snippet.imports if name in order), default=0)


def fill(run: Run, result: dict[str, Any]) -> None:
    """Take over what the child reported."""
    if result.get("fault"):
        run.fault = Fault(**result["fault"])
        return
    run.outputs = result["outputs"]
    run.seconds = result["seconds"]
    run.files = result["files"]
    run.models = [(name, revision) for name, revision in result["models"]]
    run.packages = result["packages"]


def keep_trained(folder: Path, book: Book) -> None:
    """Weights that a snippet saved under `trained/` outlive its sandbox, in the cache."""
    for model in filter(Path.is_dir, folder.iterdir()):
        target = book.cache / "trained" / model.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(model, target)


def make_sandbox(book: Book) -> Path:
    """A folder that looks like the book's root to a reader, and is thrown away afterwards."""
    parent = book.cache / "sandboxes"
    parent.mkdir(parents=True, exist_ok=True)
    box = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=parent))
    for name in ("snippets", "docs", "models"):
        if (book.root / name).exists():
            (box / name).symlink_to(book.root / name)
    temporary_folder(box).mkdir(mode=0o700)
    return box


def temporary_folder(box: Path) -> Path:
    """Where a snippet's temporary files go; a short path, for a socket's may have 107 bytes at most."""
    return Path(tempfile.gettempdir()) / box.name


def remove_sandbox(box: Path) -> None:
    for folder in (temporary_folder(box), box):
        shutil.rmtree(folder, ignore_errors=True)


def _in_child(job: _Job, imports: ImportGraph, parent: int) -> None:
    """Run the snippet in the forked child; never returns."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (job.native, 1), (job.log, 2)):
            os.dup2(source, target)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
        log = io.FileIO(2, "w", closefd=False)
        sys.stderr = io.TextIOWrapper(io.BufferedWriter(log), errors="replace", line_buffering=True)
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=False)
        child = os.getpid()
        result = run_here(job.snippet, job.book, job.box, job.native, job.marker.set, imports)
        if os.getpid() != child:
            os._exit(0)  # a process that the snippet forked came back from it
        data = json.dumps(result)
        with open(job.result, "w", encoding="utf-8", closefd=False) as out:
            out.write(data)
        os._exit(0)
    except BaseException as error:
        fault = {"line": job.marker.get(), "reason": f"{type(error).__name__}: {error}", "details": ""}
        os.ftruncate(job.result, 0)
        os.pwrite(job.result, json.dumps({"fault": fault}).encode(), 0)
        os._exit(0)


def run_here(
    snippet: Snippet,
    book: Book,
    box: Path,
    native: int | None,
    mark: Callable[[int], None],
    imports: ImportGraph,
) -> dict[str, Any]:
    """Execute a snippet in this process, inside the sandbox folder `box`; for child processes."""
    sys.dont_write_bytecode = True
    os.chdir(box)
    temporary = temporary_folder(box)
    os.environ.update(BOOK_SANDBOX=str(box), TMPDIR=str(temporary), HOME=str(box))
    tempfile.tempdir = None
    imports.edges.pop("__main__", None)  # so far that name was the recorder's
    capture = Capture(native=native)
    writable = [box, temporary]
    if os.environ.get("BOOK_WEIGHTS") == "hub":
        # Recording with the originals downloads them into the author's own Hugging Face cache.
        for name in ("HF_HOME", "HF_HUB_CACHE"):
            writable.append(Path(os.environ[name]))
            writable[-1].mkdir(parents=True, exist_ok=True)
        downloads.watch()
    landlock(writable)
    observer = Observer(book.root, writable)
    observer.start()
    fault: Fault | None = None
    outputs: list[list[Output]] = []
    begun = time.monotonic()
    try:
        outputs = execute(snippet, capture, mark)
    except Fault as found:
        fault = found
    if fault is None and downloads.refused:
        fault = Fault(1, downloads.refused[0])
    seconds = time.monotonic() - begun
    return {
        "fault": fault and {"line": fault.line, "reason": fault.reason, "details": fault.details},
        "outputs": outputs,
        "seconds": seconds,
        "files": [path for path in observer.files(snippet.text) if path != snippet.shown],
        "models": observer.models(snippet.text),
        "packages": sorted(imports.closure(snippet.imports | observer.imports_of_programs())),
    }


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the process that started this one is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
