"""Run a snippet in a Jupyter kernel of its own, where a process can't be forked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from toolkit.book import Book
from toolkit.execute import TEXT_LIMIT, WHOLE_SENTENCES, Fault, Output
from toolkit.run import (
    Run,
    keep_trained,
    make_sandbox,
    remove_sandbox,
    set_environment,
    temporary_folder,
)
from toolkit.snippets import Cell, Snippet

# Runs in the kernel before the first cell: the same observer, figures and import graph as a fork.
_BEFORE = """
import os as _os, sys as _sys
from toolkit.book import Book as _Book
from toolkit.figures import figure_bundle as _bundle, publish_figures as _publish
from toolkit.observe import ImportGraph as _Graph, Observer as _Observer, landlock as _landlock
from pathlib import Path as _Path
_box = _Path({box!r})
_os.chdir(_box)
_os.environ.update(BOOK_SANDBOX=str(_box), TMPDIR={temporary!r}, HOME=str(_box))
if {figures}:
    import matplotlib.font_manager  # its font cache lies outside the sandbox
_caches = ("HF_HOME", "HF_HUB_CACHE") if _os.environ.get("BOOK_WEIGHTS") == "hub" else ()
_writable = [_box, _Path({temporary!r}), *(_Path(_os.environ[name]) for name in _caches)]
for _folder in _writable:
    _folder.mkdir(parents=True, exist_ok=True)
_graph = _Graph(); _graph.start()
_observer = _Observer(_Path({root!r}), _writable); _observer.start()
_landlock(_writable)
_sys.argv = [{shown!r}]
_sys.path.insert(0, {folder!r})
__file__ = {shown!r}
def _figures():
    from IPython.display import publish_display_data
    if "matplotlib" in _sys.modules:
        _publish(lambda kind, data, metadata: publish_display_data(data, metadata))
get_ipython().events.register("post_run_cell", lambda result: _figures())
get_ipython().display_formatter.mimebundle_formatter.for_type_by_name("matplotlib.figure", "Figure", _bundle)
"""

_AFTER = """
import json as _json
from toolkit import downloads as _downloads
print(_json.dumps({{"refused": _downloads.refused,
    "files": _observer.files({text!r}), "models": _observer.models({text!r}),
    "packages": sorted(_graph.closure(frozenset({imports!r})))}}))
"""


class NotebookRunner:
    """Same interface as ForkRunner; slower, since every kernel imports for itself."""

    def __init__(self, book: Book, hub: dict[str, str]) -> None:
        self.book = book
        self.tick: Callable[[], None] = lambda: None
        set_environment(book, hub)

    def run(
        self, snippets: Sequence[Snippet], jobs: int, started: Callable[[Snippet], None] = lambda _: None
    ) -> Iterator[Run]:
        """Run one after another; `jobs` is taken as 1."""
        for snippet in snippets:
            started(snippet)
            yield self._run(snippet)

    def _run(self, snippet: Snippet) -> Run:
        import nbformat
        from nbclient import NotebookClient

        box = make_sandbox(self.book)
        cells = [nbformat.v4.new_code_cell(cell.source) for cell in snippet.cells]
        client = NotebookClient(
            nbformat.v4.new_notebook(cells=cells),
            timeout=int(snippet.time_limit),
            allow_errors=True,
            resources={"metadata": {"path": str(box)}},
            shutdown_kernel="immediate",
        )
        run = Run(snippet, begun=time.time())
        begun = time.monotonic()
        try:
            with client.setup_kernel():
                before = _BEFORE.format(
                    box=str(box),
                    temporary=str(temporary_folder(box)),
                    root=str(self.book.root),
                    shown=snippet.shown,
                    folder=str(snippet.file.parent),
                    figures="matplotlib" in snippet.imports,
                )
                self._hidden(client, before)
                begun = time.monotonic()
                for index, cell in enumerate(snippet.cells):
                    client.execute_cell(cells[index], index)
                    run.outputs.append(self._outputs(cells[index], cell, snippet))
                run.seconds = time.monotonic() - begun
                seen = self._hidden(client, _AFTER.format(text=snippet.text, imports=sorted(snippet.imports)))
                found = json.loads(seen)
                if found["refused"]:
                    raise Fault(1, found["refused"][0])
                run.files = [path for path in found["files"] if path != snippet.shown]
                run.models = [(name, revision) for name, revision in found["models"]]
                run.packages = found["packages"]
            if (box / "trained").is_dir():
                keep_trained(box / "trained", self.book)
        except Fault as fault:
            run.fault = fault
        except Exception as error:  # a dead kernel or a time-out, in nbclient's words
            cell = snippet.cells[min(len(run.outputs), len(snippet.cells) - 1)]
            run.fault = Fault(cell.line, f"{type(error).__name__}: {str(error).splitlines()[0]}")
        finally:
            run.seconds = run.seconds or time.monotonic() - begun
            remove_sandbox(box)
        return run

    def _hidden(self, client: Any, code: str) -> str:
        """Execute code that is no cell of the snippet; returns what it printed."""
        import nbformat

        cell = nbformat.v4.new_code_cell(code)
        client.nb.cells.append(cell)
        client.execute_cell(cell, len(client.nb.cells) - 1)
        client.nb.cells.pop()
        for output in cell.outputs:
            if output.output_type == "error":
                raise RuntimeError(f"{output.ename}: {output.evalue}")
        return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")

    def _outputs(self, executed: Any, cell: Cell, snippet: Snippet) -> list[Output]:
        outputs: list[Output] = []
        raised = False
        text = snippet.text.split("\n")
        for output in json.loads(json.dumps(executed.outputs)):
            if output["output_type"] == "stream":
                if output["name"] == "stderr":
                    continue
                if len(output["text"]) > TEXT_LIMIT:
                    raise Fault(cell.line, f"printed more than {TEXT_LIMIT:,} characters")
                if outputs and outputs[-1]["output_type"] == "stream":
                    outputs[-1]["text"] += output["text"]
                    continue
            elif output["output_type"] == "error":
                raised = True
                lines = _failed_lines(output, cell, snippet)
                if not cell.raises:
                    reason = f"{output['ename']}: {output['evalue']}"
                    if output["ename"] == "SystemExit":
                        reason = f"called sys.exit({output['evalue']})"
                    elif output["ename"] in WHOLE_SENTENCES:
                        reason = output["evalue"]
                    raise Fault(lines[-1], reason)
                output["traceback"] = [
                    "Traceback (most recent call last):",
                    *(f'  File "{snippet.shown}", line {n}\n    {text[n - 1].strip()}' for n in lines),
                    f"{output['ename']}: {output['evalue']}",
                ]
            elif output["output_type"] == "execute_result":
                output["execution_count"] = None
            outputs.append(output)
        if cell.raises and not raised:
            raise Fault(cell.line, "was expected to raise, and did not")
        return outputs


def _failed_lines(output: Output, cell: Cell, snippet: Snippet) -> list[int]:
    """The author's frames in IPython's traceback, outermost first, as lines of the file."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"]))
    found = re.findall(r"Cell In\[(\d+)\], line (\d+)", text)
    # The first execution is the hidden one before the snippet's cells.
    lines = [
        snippet.cells[int(n) - 2].line + int(line) - 1
        for n, line in found
        if 2 <= int(n) <= len(snippet.cells) + 1
    ]
    return lines or [cell.line]
