"""Execute the cells of one snippet in this process, and capture what they show.

This runs inside a child process that `toolkit.run` made for one snippet; it may leave the
process in any state.
"""

from __future__ import annotations

import ast
import base64
import codecs
import io
import linecache
import mmap
import os
import struct
import sys
import threading
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from toolkit.figures import figure_bundle, publish_figures
from toolkit.snippets import Cell, Snippet

TEXT_LIMIT = 1_000_000
"""Characters of text that one snippet may print."""

WHOLE_SENTENCES = {"OutsideSandbox", "BadDownload"}
"""Errors of this toolkit: their text needs no name before it."""

Output = dict[str, Any]
"""One output of a notebook cell, as nbformat 4 has it."""


@dataclass
class Fault(Exception):
    """Why a snippet failed: one sentence, and the line of the snippet where it happened."""

    line: int
    reason: str
    details: str = ""

    def __str__(self) -> str:
        return self.reason


class TooMuchOutput(BaseException):
    """Not an Exception, so that a snippet's own `except Exception` lets it pass."""


class LineMarker:
    """The line being executed, in memory that the parent can read after a kill."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def set(self, line: int) -> None:
        self._memory[:8] = struct.pack("q", line)

    def get(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])


@dataclass
class Capture:
    """Collects a cell's outputs in the order in which they appear."""

    outputs: list[Output] = field(default_factory=list)
    native: int | None = None
    """Descriptor of the file that stands in for the process's standard output."""
    _printed: int = 0
    _read: int = 0
    _decoder: Any = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def text(self, text: str) -> None:
        """Add standard output; pieces that follow each other become one output."""
        self._printed += len(text)
        if self._printed > TEXT_LIMIT:
            raise TooMuchOutput
        if self.outputs and self.outputs[-1]["output_type"] == "stream":
            self.outputs[-1]["text"].append(text)
        else:
            self.outputs.append({"output_type": "stream", "name": "stdout", "text": [text]})

    def drain(self) -> None:
        """Add what native code and child processes wrote to the descriptor itself."""
        if self.native is None:
            return
        size = os.fstat(self.native).st_size
        if size > self._read:
            data = os.pread(self.native, min(size - self._read, TEXT_LIMIT + 1), self._read)
            self._read += len(data)
            self.text(self._decoder.decode(data))

    def rich(self, kind: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.drain()
        stored = {mime: _text(value) for mime, value in data.items()}
        output: Output = {"output_type": kind, "data": stored, "metadata": metadata}
        if kind == "execute_result":
            output["execution_count"] = None
        self.outputs.append(output)

    def take(self) -> list[Output]:
        """The outputs since the last call, with text as nbformat stores it."""
        self.drain()
        taken, self.outputs = self.outputs, []
        for output in taken:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return taken


def _text(value: Any) -> Any:
    """Pictures as nbformat stores them."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def _print_to_the_descriptor() -> None:
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", write_through=True)


class _Stdout(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.buffer = _Buffer(self)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        text.encode(self.encoding)  # what a terminal could not show fails here too
        self._capture.drain()
        self._capture.text(text)
        return len(text)

    def reconfigure(self, **_: Any) -> None:
        """Scripts set their encoding with this; here it is UTF-8 already."""

    def fileno(self) -> int:
        return 1


class _Buffer(io.RawIOBase):
    """`sys.stdout.buffer` for snippets that print bytes."""

    def __init__(self, out: _Stdout) -> None:
        self._out = out
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._out.write(self._decoder.decode(bytes(data)))
        return len(data)


def execute(snippet: Snippet, capture: Capture, mark: Callable[[int], None]) -> list[list[Output]]:
    """Run the cells one after another in one namespace, as `python FILE` would.

    `mark` is told the line of each statement before it starts. Returns the outputs of each cell.
    Raises Fault for whatever went wrong, with the snippet's line.
    """
    shell = _shell(capture)
    module = types.ModuleType("__main__")
    docstring = ast.get_docstring(ast.parse(snippet.text), clean=False)
    module.__dict__.update(__file__=snippet.shown, __doc__=docstring, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    sys.argv = [snippet.shown]
    sys.path.insert(0, str(snippet.file.parent))
    lines = [line + "\n" for line in snippet.text.split("\n")]
    linecache.cache[snippet.shown] = (len(snippet.text), None, lines, snippet.shown)
    sys.stdout = _Stdout(capture)
    # What the snippet forks has no way into `capture`: its prints go through the descriptor.
    os.register_at_fork(after_in_child=_print_to_the_descriptor)
    threads = _ThreadWatch(snippet)

    results = []
    for cell in snippet.cells:
        try:
            _run_cell(cell, snippet, module.__dict__, shell, mark)
            publish_figures(capture.rich)
        except SystemExit as stop:
            raise Fault(_line(stop, snippet, cell), f"called sys.exit({stop.code!r})") from None
        except TooMuchOutput as stop:
            reason = f"printed more than {TEXT_LIMIT:,} characters"
            raise Fault(_line(stop, snippet, cell), reason) from None
        except BaseException as error:
            trace = author_traceback(error, snippet)
            if not cell.raises or isinstance(error, (KeyboardInterrupt, MemoryError)):
                name = type(error).__name__
                reason = str(error) if name in WHOLE_SENTENCES else f"{name}: {error}"
                raise Fault(_line(error, snippet, cell), reason.strip(), trace) from None
            capture.drain()
            capture.outputs.append(
                {
                    "output_type": "error",
                    "ename": type(error).__name__,
                    "evalue": str(error),
                    "traceback": trace.splitlines(),
                }
            )
        else:
            if cell.raises:
                raise Fault(cell.line, "was expected to raise, and did not")
        threads.check()
        results.append(capture.take())
    threads.check_ended()
    return results


def _run_cell(
    cell: Cell, snippet: Snippet, namespace: dict[str, Any], shell: Any, mark: Callable[[int], None]
) -> None:
    # Blank lines before the cell make every line number that of the file.
    source = "\n" * (cell.line - 1) + cell.source
    body = ast.parse(source, filename=snippet.shown).body
    flags = _future_flags(snippet)
    quiet = cell.source.rstrip().endswith(";")
    for node in body:
        mark(node.lineno)
        if isinstance(node, ast.Expr) and node is body[-1] and not quiet:
            code = compile(ast.Expression(node.value), snippet.shown, "eval", flags, dont_inherit=True)
            value = eval(code, namespace)
            if value is not None:
                data, metadata = shell.display_formatter.format(value)
                shell.display_pub.publish(data, metadata, kind="execute_result")
        else:
            code = compile(ast.Module([node], []), snippet.shown, "exec", flags, dont_inherit=True)
            exec(code, namespace)


def _future_flags(snippet: Snippet) -> int:
    import __future__

    flags = 0
    for node in ast.walk(ast.parse(snippet.text)):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    return flags


def _shell(capture: Capture) -> Any:
    """An IPython shell whose only use is to turn objects into rich output."""
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *, kind="display_data", **_):  # type: ignore[no-untyped-def,override]
            capture.rich(kind, dict(data), dict(metadata or {}))

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    shell = InteractiveShell.instance(config=config, display_pub_class=Publisher)
    formatter: Any = shell.display_formatter
    formatter.mimebundle_formatter.for_type_by_name("matplotlib.figure", "Figure", figure_bundle)

    def reraise(exc_tuple: Any = None, **_: Any) -> None:
        raise exc_tuple[1] if exc_tuple else RuntimeError("a value could not be shown")

    shell.showtraceback = reraise  # type: ignore[method-assign, assignment]
    # The shell brings a traceback printer of its own; messages here stay plain.
    sys.excepthook = sys.__excepthook__
    return shell


def author_traceback(error: BaseException, snippet: Snippet) -> str:
    """The traceback with only the author's frames, and its causes likewise."""
    trace = traceback.TracebackException.from_exception(error)
    seen: set[int] = set()
    part: traceback.TracebackException | None = trace
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list(f for f in part.stack if f.filename == snippet.shown)
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    return "".join(trace.format()).rstrip()


def _line(error: BaseException, snippet: Snippet, cell: Cell) -> int:
    """The deepest line of the snippet on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename == snippet.shown and error.lineno:
        return error.lineno
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == snippet.shown]
    return lines[-1] if lines and lines[-1] else cell.line


class _ThreadWatch:
    """Finds threads that fail, or that outlive the snippet: a notebook would hide both."""

    def __init__(self, snippet: Snippet) -> None:
        self.snippet = snippet
        self.failed: Fault | None = None
        self.started: dict[threading.Thread, int] = {}
        original = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            frame = sys._getframe(1)
            while frame is not None and frame.f_code.co_filename != snippet.shown:
                frame = frame.f_back  # type: ignore[assignment]
            self.started[thread] = frame.f_lineno if frame is not None else 1
            original(thread)

        threading.Thread.start = start  # type: ignore[method-assign, assignment]
        threading.excepthook = self._excepthook

    def _excepthook(self, args: Any) -> None:
        lines = [
            f.lineno for f in traceback.extract_tb(args.exc_traceback) if f.filename == self.snippet.shown
        ]
        line = lines[-1] if lines else self.started.get(args.thread, 1)
        if args.exc_type is TooMuchOutput:
            self.failed = Fault(line or 1, f"printed more than {TEXT_LIMIT:,} characters")
            return
        trace = author_traceback(args.exc_value, self.snippet)
        self.failed = Fault(line or 1, f"{args.exc_type.__name__} in a thread: {args.exc_value}", trace)

    def check(self) -> None:
        if self.failed:
            raise self.failed

    def check_ended(self) -> None:
        if pools := sys.modules.get("concurrent.futures.thread"):
            pools._python_exit()  # as at a script's end: idle workers of a pool go home
        for thread, line in self.started.items():
            if not thread.daemon:
                thread.join(timeout=1.0)
                if thread.is_alive():
                    raise Fault(line, f"thread `{thread.name}` still runs after the last cell; join it")
        self.check()
