"""The same snippets through four tools, in one run: cold, nothing changed, one changed.

Each executes the same files on the same embedded weights and builds a site of a page a snippet:

* this book's recorder, then MkDocs with this book's fences;
* mkdocs-jupyter with `execute: true`, a kernel a notebook, and its cache;
* Jupyter Book 1 with `execute_notebooks: cache`, a kernel a notebook;
* sphinx-gallery, which runs all of them in one process, without isolation.

Beside them stand the floor, which is one import of the heavy packages plus the snippets' own work spread over
the cores, and a plain Material build of as many Markdown pages. `--growth` generates 10, 100 and 1,000 small
snippets instead and shows how time and memory grow.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from toolkit import hub
from toolkit.book import Book
from toolkit.record import Shelf, machine, read_record
from toolkit.run import environment
from toolkit.snippets import Snippet, read

BOOK = Book.locate()
REQUIREMENTS = BOOK.root / "benchmarks" / "requirements-peers.txt"
PEERS = BOOK.root / ".cache" / "peers"
LONGEST_SECONDS = 10.0
"""Trainings are left out: their own work is the same for all, and hides what a tool costs."""
ROOMS = ("what_is_inference", "real_world_examples", "use_before_you_train", "inference_considerations")
OTHERS = "exclude_docs: |\n  /snippets/\n  /models/\n  /docs/\n"
THEME = "site_name: bench\ntheme: {name: material, font: false}\n"


@dataclass(frozen=True)
class Tool:
    name: str
    prepare: Callable[[Path, list[Snippet]], None]
    commands: list[list[str]]
    change: Callable[[Path, Snippet], Path]
    """Where the file stands that an author would edit."""


def python_of_peers() -> str:
    """An environment with the peers on top of the book's own packages, made on first use."""
    python = PEERS / "bin" / "python"
    made = PEERS / "requirements.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not made.exists() or made.read_text(encoding="utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)
        site = subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        ours = [path for path in sys.path if path.endswith("site-packages")]
        Path(site, "book.pth").write_text("\n".join(ours), encoding="utf-8")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)], check=True)
        made.write_text(wanted, encoding="utf-8")
    return str(python)


def chosen(trainings: bool) -> list[Snippet]:
    """The snippets that any of the four can run, without an error that they expect: short ones of inference,
    or with `trainings` all of up to a minute.
    """
    longest = 60.0 if trainings else LONGEST_SECONDS
    found = []
    for state in Shelf(BOOK).states():
        if state.record is None or not (trainings or state.file.parent.name in ROOMS):
            continue
        expected = any("raises-exception" in tags for tags in state.record.tags.values())
        if state.record.about["seconds"] <= longest and not expected:
            found.append(read(state.file, BOOK))
    return found


def copy_book(target: Path, snippets: Sequence[Snippet]) -> None:
    """A book without records, with the given snippets and the weights laid out, as on any machine."""
    for file in BOOK.root.glob("*.txt"):
        shutil.copy(file, target)
    shutil.copytree(BOOK.models, target / "models")
    shutil.copytree(BOOK.snippets / "data", target / "snippets" / "data")
    shutil.copytree(BOOK.docs / "data", target / "docs" / "data")
    shutil.copytree(BOOK.root / "includes", target / "includes")
    for snippet in snippets:
        file = target / BOOK.relative(snippet.file)
        file.parent.mkdir(exist_ok=True)
        shutil.copy(snippet.file, file)
    hub.lay_out(Book(target))


def page_name(snippet: Snippet) -> str:
    return f"{snippet.file.parent.name}--{snippet.file.stem}"


def for_recorder(target: Path, snippets: Sequence[Snippet]) -> None:
    config = (BOOK.root / "mkdocs.yml").read_text(encoding="utf-8")
    extensions = config[config.index("markdown_extensions:") : config.index("validation:")]
    hooks = f"hooks: [{BOOK.root}/toolkit/hooks.py]\nplugins: [search]\n"
    (target / "mkdocs.yml").write_text(THEME + hooks + extensions, encoding="utf-8")
    for snippet in snippets:
        name = f"{snippet.file.parent.name}/{snippet.file.name}"
        text = f"# {snippet.file.stem}\n\n``` snippet\n{name}\n```\n"
        (target / "docs" / f"{page_name(snippet)}.md").write_text(text, encoding="utf-8")
    (target / "docs" / "index.md").write_text("# Bench\n", encoding="utf-8")


def link_what_is_read(book: Path, beside: Path) -> None:
    """A kernel starts beside its notebook, and the snippets read their data from the book's root."""
    for name in ("snippets", "models"):
        (beside / name).symlink_to(book / name)
    (beside / "docs").mkdir()
    (beside / "docs" / "data").symlink_to(book / "docs" / "data")


def write_notebooks(target: Path, snippets: Sequence[Snippet]) -> None:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for snippet in snippets:
        title = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": f"# {snippet.file.stem}"}
        cells: list[dict[str, object]] = [
            {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [],
             "source": cell.source}
            for n, cell in enumerate(snippet.cells)
        ]  # fmt: skip
        notebook = {"cells": [title, *cells], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (target / f"{page_name(snippet)}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    link_what_is_read(target.parent, target)


def for_mkdocs_jupyter(target: Path, snippets: Sequence[Snippet]) -> None:
    plugin = '  - mkdocs-jupyter: {include: ["*.ipynb"], execute: true, allow_errors: false}\n'
    (target / "mkdocs.yml").write_text(f"{THEME}{OTHERS}plugins:\n  - search\n{plugin}", encoding="utf-8")
    (target / "docs" / "index.md").write_text("# Bench\n", encoding="utf-8")
    write_notebooks(target / "docs", snippets)


def for_jupyter_book(target: Path, snippets: Sequence[Snippet]) -> None:
    docs = target / "docs"
    config = "title: bench\nexecute: {execute_notebooks: cache, timeout: 600, allow_errors: false}\n"
    (docs / "_config.yml").write_text(config + "only_build_toc_files: true\n", encoding="utf-8")
    chapters = "".join(f"  - file: {page_name(snippet)}\n" for snippet in snippets)
    (docs / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{chapters}", encoding="utf-8")
    (docs / "index.md").write_text("# Bench\n", encoding="utf-8")
    write_notebooks(docs, snippets)


def for_sphinx_gallery(target: Path, snippets: Sequence[Snippet]) -> None:
    source = target / "docs"
    conf = (
        'extensions = ["sphinx_gallery.gen_gallery"]\n'
        'sphinx_gallery_conf = {"examples_dirs": "examples", "gallery_dirs": "gallery",\n'
        '    "filename_pattern": r"\\.py$", "abort_on_example_error": True, "show_memory": False}\n'
    )
    (source / "conf.py").write_text(conf, encoding="utf-8")
    (source / "index.rst").write_text("Bench\n=====\n\n.. toctree::\n\n   gallery/index\n", encoding="utf-8")
    examples = source / "examples"
    examples.mkdir()
    (examples / "GALLERY_HEADER.rst").write_text("Examples\n========\n", encoding="utf-8")
    for snippet in snippets:
        code = "\n\n# %%\n".join(cell.source for cell in snippet.cells)
        title = snippet.file.stem
        text = f'"""\n{title}\n{"=" * len(title)}\n"""\n\n{code}\n'
        (examples / f"{page_name(snippet)}.py").write_text(text, encoding="utf-8")
    link_what_is_read(target, examples)


def tools(target: Path) -> list[Tool]:
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
    peers = python_of_peers()
    docs = target / "docs"
    return [
        Tool(
            "this recorder",
            for_recorder,
            [[sys.executable, "-m", "toolkit", "record"], mkdocs],
            lambda target, snippet: target / BOOK.relative(snippet.file),
        ),
        Tool(
            "mkdocs-jupyter",
            for_mkdocs_jupyter,
            [mkdocs],
            lambda target, snippet: target / "docs" / f"{page_name(snippet)}.ipynb",
        ),
        Tool(
            "Jupyter Book 1",
            for_jupyter_book,
            [[peers, str(PEERS / "bin" / "jupyter-book"), "build", "-q", str(docs)]],
            lambda target, snippet: target / "docs" / f"{page_name(snippet)}.ipynb",
        ),
        Tool(
            "sphinx-gallery",
            for_sphinx_gallery,
            [[peers, "-m", "sphinx", "-q", "-b", "html", str(docs), str(target / "site")]],
            lambda target, snippet: target / "docs" / "examples" / f"{page_name(snippet)}.py",
        ),
    ]


@dataclass
class Cost:
    seconds: float
    megabytes: float
    """Peak of the resident memory of the process and all that it started, pages that they share once."""


def run(command: Sequence[str], target: Path, variables: dict[str, str]) -> Cost:
    peak, done = 0.0, threading.Event()

    def sample(process: psutil.Process) -> None:
        nonlocal peak
        while not done.wait(0.1):
            try:
                family = [process, *process.children(recursive=True)]
                peak = max(peak, sum(_memory(each) for each in family))
            except psutil.Error:
                continue

    log = target / "log.txt"
    begun = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=target, env={**os.environ, **variables}, stdout=output, stderr=subprocess.STDOUT
        )
        sampler = threading.Thread(target=sample, args=(psutil.Process(process.pid),))
        sampler.start()
        code = process.wait()
    seconds = time.perf_counter() - begun
    done.set()
    sampler.join()
    if code:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
    return Cost(seconds, peak / 1e6)


def _memory(process: psutil.Process) -> float:
    try:
        found = process.memory_full_info()
        return float(getattr(found, "pss", 0) or found.uss)
    except psutil.Error:
        return 0.0


def all_commands(tool: Tool, target: Path, variables: dict[str, str]) -> Cost:
    costs = [run(command, target, variables) for command in tool.commands]
    return Cost(sum(cost.seconds for cost in costs), max(cost.megabytes for cost in costs))


def edit(file: Path) -> None:
    """As an author does: one more line of output."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":
        notebook = json.loads(text)
        notebook["cells"][-1]["source"] += "\nprint('changed')"
        text = json.dumps(notebook)
    else:
        text += "print('changed')\n"
    file.write_text(text, encoding="utf-8")


def floor(target: Path, variables: dict[str, str]) -> tuple[float, float]:
    """Seconds of one import of the heavy packages, and of the snippets' own work as the recorder saw it."""
    code = "import torch, transformers, matplotlib.pyplot, numpy; from transformers import pipeline"
    imported = run([sys.executable, "-c", code], target, variables).seconds
    book = Book(target)
    files = [book.record_file(file) for file in book.snippet_files()]
    return imported, sum(read_record(file, book).about["seconds"] for file in files)


def plain(target: Path, variables: dict[str, str]) -> float:
    """A Material build of as many Markdown pages, with the same code and the same text outputs."""
    book = Book(target)
    other = target / "plain"
    (other / "docs").mkdir(parents=True)
    config = (target / "mkdocs.yml").read_text(encoding="utf-8")
    extensions = "markdown_extensions: [pymdownx.highlight, pymdownx.superfences]\n"
    (other / "mkdocs.yml").write_text(config.partition("hooks:")[0] + extensions, encoding="utf-8")
    (other / "docs" / "index.md").write_text("# Bench\n", encoding="utf-8")
    for file in book.snippet_files():
        record = read_record(book.record_file(file), book)
        parts = [f"# {file.stem}"]
        for title, source in record.sources.items():
            parts.append(f"``` python\n{source}\n```")
            texts = ["".join(output.get("text", "")) for output in record.outputs[title]]
            parts += [f"``` text\n{text}\n```" for text in texts if text]
        name = f"{file.parent.name}--{file.stem}.md"
        (other / "docs" / name).write_text("\n\n".join(parts), encoding="utf-8")
    return run([sys.executable, "-m", "mkdocs", "build", "--quiet"], other, variables).seconds


def compare(names: Sequence[str], trainings: bool) -> None:
    snippets = chosen(trainings)
    print(f"{len(snippets)} snippets, {machine()}\n")
    print("| tool | cold, s | nothing changed, s | one changed, s | peak memory, GB | cold, beside this |")
    print("| --- | --- | --- | --- | --- | --- |")
    ours = None
    notes = []
    for number in range(4):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder)
            tool = tools(target)[number]
            if names and tool.name not in names:
                continue
            copy_book(target, snippets)
            tool.prepare(target, snippets)
            variables = {
                **environment(Book(target), hub.environment(Book(target))),
                "BOOK_ROOT": str(target),
                "NO_MKDOCS_2_WARNING": "1",
                "PYTHONPATH": str(BOOK.root),
            }
            cold = all_commands(tool, target, variables)
            written = [str(file) for file in target.rglob("*.html")]
            absent = [s.shown for s in snippets if not any(page_name(s) in file for file in written)]
            if absent:
                sys.exit(f"{tool.name} ended well and wrote no page of {', '.join(absent)}")
            again = all_commands(tool, target, variables)
            edit(tool.change(target, next(s for s in snippets if s.file.stem == "classify_text")))
            changed = all_commands(tool, target, variables)
            if number == 0:
                ours = cold.seconds
                imported, work = floor(target, variables)
                least = imported + work / (os.cpu_count() or 1)
                site = plain(target, variables)
                notes = [
                    f"floor: {imported:.1f} s of imports + {work:.1f} s of own work over "
                    f"{os.cpu_count()} cores = {least:.1f} s; cold is {cold.seconds / least:.2f} of it",
                    f"plain Material build of as many pages: {site:.1f} s; "
                    f"with nothing changed this is {again.seconds / site:.2f} of it",
                ]
            cells = [tool.name, *(f"{cost.seconds:.1f}" for cost in (cold, again, changed))]
            cells += [f"{cold.megabytes / 1000:.1f}", f"{cold.seconds / ours:.1f}" if ours else "–"]
            print("| " + " | ".join(cells) + " |", flush=True)
    print("", *notes, sep="\n")


def growth(numbers: Sequence[int]) -> None:
    print(f"generated snippets, {machine()}\n")
    print("| snippets | cold, s | each, ms | peak, MB | nothing changed, s | `--check`, s | one changed, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder)
            (target / "snippets" / "data").mkdir(parents=True)
            (target / "docs").mkdir()
            for file in BOOK.root.glob("*.txt"):
                shutil.copy(file, target)
            for n in range(number):
                file = target / "snippets" / f"page_{n // 20}" / f"row_{n}.py"
                file.parent.mkdir(exist_ok=True)
                code = f"import numpy\n\nprint(numpy.arange({n}).sum())\n"
                file.write_text(f'"""Add {n} numbers."""\n\n# %% add them\n{code}', encoding="utf-8")
            variables = {"BOOK_ROOT": str(target)}
            command = [sys.executable, "-m", "toolkit", "record"]
            cold = run(command, target, variables)
            again = run(command, target, variables)
            check = run([*command, "--check"], target, variables)
            edit(target / "snippets" / "page_0" / "row_1.py")
            changed = run(command, target, variables)
            cells = [f"{number:,}", f"{cold.seconds:.1f}", f"{cold.seconds / number * 1000:.0f}"]
            cells += [f"{cold.megabytes:.0f}"]
            cells += [f"{cost.seconds:.2f}" for cost in (again, check, changed)]
            print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tools", nargs="*", help="names of the tools to run; all four if none")
    parser.add_argument("--trainings", action="store_true", help="the trainings of up to a minute too")
    parser.add_argument("--growth", action="store_true", help="10, 100 and 1,000 generated snippets instead")
    options = parser.parse_args()
    if options.growth:
        growth((10, 100, 1000))
    else:
        compare(options.tools, options.trainings)


if __name__ == "__main__":
    main()
