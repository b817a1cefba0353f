"""Read a percent-format Python file into titled cells."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.book import Book, BookError

TIME_LIMIT = 600.0
"""Seconds that a snippet may run unless one of its cells says `timeout=…`."""

TAGS = {"measured", "untimed", "raises-exception"}
"""`measured`: the output is a measurement. `untimed`: of something that other work on the machine does not
change, such as memory. `raises-exception`: the cell must raise."""

_MARKER = re.compile(r"^# %%(?P<rest>.*)$")
_ATTRIBUTE = re.compile(r"""\s+(\w+)=(\[[^\]]*\]|"[^"]*"|[\w.]+)""")


class SnippetError(BookError):
    """A snippet that can't be read, as `file:line: reason`."""


@dataclass(frozen=True)
class Cell:
    """One `# %% title` section."""

    title: str
    source: str
    line: int
    """Number of the first line of `source` in the file, from 1."""
    tags: tuple[str, ...] = ()

    @property
    def measured(self) -> bool:
        return "measured" in self.tags

    @property
    def raises(self) -> bool:
        return "raises-exception" in self.tags

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Snippet:
    """One runnable file."""

    file: Path
    shown: str
    """The path as messages write it: `snippets/what_is_inference/classify_text.py`."""
    text: str
    about: str
    """The first paragraph of the docstring: what the snippet shows."""
    needs: str
    """What the docstring says after `Needs:`."""
    cells: tuple[Cell, ...]
    time_limit: float = TIME_LIMIT
    imports: frozenset[str] = field(default_factory=frozenset)
    """Top-level names of the packages that it imports, wherever the statement stands."""

    @property
    def name(self) -> str:
        """`section/name.py`, as a fence names it."""
        return f"{self.file.parent.name}/{self.file.name}"

    @property
    def alone(self) -> bool:
        """Whether it needs the machine for itself, since it measures time."""
        return any(cell.measured and "untimed" not in cell.tags for cell in self.cells)

    def cell(self, title: str) -> Cell | None:
        return next((cell for cell in self.cells if cell.title == title), None)


def read(file: Path, book: Book) -> Snippet:
    """Parse a snippet.

    Raises SnippetError with file and line for a syntax error, code before the first cell, a
    cell without a title, a title used twice, or an attribute that does not exist.
    """
    shown = book.relative(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SnippetError(f"{shown}:1: can't be read: {error}") from None
    try:
        tree = ast.parse(text, filename=shown)
    except SyntaxError as error:
        raise SnippetError(f"{shown}:{error.lineno or 1}: {error.msg}") from None

    lines = text.split("\n")  # as Python counts lines; splitlines() knows more line ends
    markers = _markers(text)
    if not markers:
        raise SnippetError(f"{shown}:1: no cell; start one with `# %% title`")
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if node.lineno < markers[0][0] and not is_docstring:
            raise SnippetError(f"{shown}:{node.lineno}: code before the first `# %%` cell")

    cells: list[Cell] = []
    limits: list[float] = []
    ends = [line - 1 for line, _ in markers[1:]] + [len(lines)]
    for (line, rest), end in zip(markers, ends, strict=True):
        title, attributes = _parse_marker(rest, f"{shown}:{line}")
        if any(cell.title == title for cell in cells):
            raise SnippetError(f"{shown}:{line}: a second cell is titled `{title}`")
        first, last = line, end
        while first < last and not lines[first].strip():
            first += 1
        while last > first and not lines[last - 1].strip():
            last -= 1
        if first == last:
            raise SnippetError(f"{shown}:{line}: cell `{title}` is empty")
        if "timeout" in attributes:
            limits.append(float(attributes["timeout"]))
        source = "\n".join(lines[first:last])
        cells.append(Cell(title, source, first + 1, tuple(attributes.get("tags", ()))))

    docstring = ast.get_docstring(tree) or ""
    return Snippet(
        file=file,
        shown=shown,
        text=text,
        about=" ".join(docstring.split("\n\n")[0].split()),
        needs=" ".join(docstring.partition("Needs:")[2].split()),
        cells=tuple(cells),
        time_limit=max(limits, default=TIME_LIMIT),
        imports=frozenset(imported(tree)),
    )


def _markers(text: str) -> list[tuple[int, str]]:
    """Line number and remainder of each `# %%` comment; one inside a string is none."""
    markers = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.start[1] == 0:
            match = _MARKER.match(token.string)
            if match:
                markers.append((token.start[0], match["rest"]))
    return markers


def _parse_marker(rest: str, place: str) -> tuple[str, dict[str, Any]]:
    if rest and not rest[0].isspace():
        raise SnippetError(f"{place}: write `# %% title`, with a space, or another comment")
    attributes: dict[str, Any] = {}
    for name, value in _ATTRIBUTE.findall(rest):
        try:
            attributes[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise SnippetError(f"{place}: can't read `{name}={value}`") from None
    title = _ATTRIBUTE.sub("", rest).strip()
    if not title:
        raise SnippetError(f"{place}: the cell has no title; write `# %% title`")
    if set(title) & set(",:`=") or title.startswith("["):
        # A fence lists cells as `file.py: first, second`; an equals sign is an attribute misspelt.
        raise SnippetError(f"{place}: a title can't hold a comma, a colon, a backtick or `=`")
    if unknown := set(attributes) - {"tags", "timeout"}:
        raise SnippetError(f"{place}: unknown attribute `{unknown.pop()}`; known: tags, timeout")
    if not isinstance(attributes.get("tags", []), list):
        raise SnippetError(f'{place}: tags is a list, as in tags=["measured"]')
    if unknown := set(map(str, attributes.get("tags", ()))) - TAGS:
        raise SnippetError(f"{place}: unknown tag `{unknown.pop()}`; known: {', '.join(sorted(TAGS))}")
    if "untimed" in attributes.get("tags", ()) and "measured" not in attributes["tags"]:
        raise SnippetError(f'{place}: untimed is said of a measured cell, as in tags=["measured", "untimed"]')
    if not isinstance(attributes.get("timeout", 1), (int, float)):
        raise SnippetError(f"{place}: timeout is a number of seconds")
    return title, attributes


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of the packages that a source imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def defined(book: Book, name: str, titles: list[str]) -> dict[str, Any]:
    """The names that some cells of a snippet define, for cells that neither print nor read anything.

    So a value has one source, the snippet. Raises SnippetError where it has no such cell.
    """
    snippet = read(book.snippets / name, book)
    names: dict[str, Any] = {}
    for title in titles:
        cell = snippet.cell(title)
        if cell is None:
            raise SnippetError(f"{snippet.shown} has no cell `{title}`, which the page computes with")
        exec(compile(cell.source, snippet.shown, "exec"), names)
    return names
