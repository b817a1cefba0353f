"""Show a table of `docs/data/`, each row with its source as a footnote.

A page holds a fence, whose line names the file and the columns to show:

    ``` data
    training_runs.csv: Run = name | Parameters = parameters (count) | GPU-hours = gpu_hours (whole)
    ```

`(whole)` groups thousands, `(count)` writes 1.75e11 as 175 B. Further lines `only: gpu = V100` keep the
rows in which a column has that value. A row without a source is a build error.
"""

from __future__ import annotations

import csv
import re
from html import escape
from pathlib import Path
from typing import Any

from markdown import Markdown

from toolkit import render

_COLUMN = re.compile(r"(.+?)=\s*(\w+)\s*(?:\((whole|count)\))?\s*")
_LINK = re.compile(r"arXiv:(\d{4}\.\d{4,5})|\b(?:https://)?((?:github\.com|huggingface\.co)/[\w./-]*[\w/-])")


def read_rows(file: Path) -> list[dict[str, str]]:
    """Rows of a CSV file; raises ValueError, naming the line, where one has no source."""
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        rows = []
        for row in reader:
            place = f"`docs/data/{file.name}`, line {reader.line_num}"
            if None in row or None in row.values():
                raise ValueError(f"{place} has not as many cells as the first line names")
            if not (row.get("source") or "").strip():
                raise ValueError(f"{place} has no source")
            rows.append(row)
    return rows


def data_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """The custom fence's formatter; what is wrong with a line is said with its place."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    filters = [line for line in lines if line.startswith("only:")]
    tables = [line for line in lines if not line.startswith("only:")]
    return "\n".join(render.each_line("\n".join(tables), md, lambda line: _table(line, filters, md)))


def _table(line: str, filters: list[str], md: Markdown) -> str:
    name, _, wanted = line.partition(":")
    file = render.shelf().book.docs / "data" / name.strip()
    if not file.is_file():
        raise ValueError(f"there is no file `docs/data/{name.strip()}`")
    rows = read_rows(file)
    columns = []
    for part in wanted.split("|"):
        match = _COLUMN.fullmatch(part.strip())
        if match is None or match[2] not in rows[0]:
            known = ", ".join(f"`{column}`" for column in rows[0])
            raise ValueError(f"`{part.strip()}` names no column: write `Title = column`, one of {known}")
        columns.append((match[1].strip(), match[2], match[3]))
    for condition in filters:
        column, _, value = condition.removeprefix("only:").partition("=")
        rows = [row for row in rows if row.get(column.strip()) == value.strip()]
    if not rows:
        raise ValueError(f"no row of `docs/data/{file.name}` is left to show")
    # Several tables of one file may stand on a page; an id may stand there once.
    number = getattr(md, "data_tables", 0) + 1
    md.data_tables = number
    sources = list(dict.fromkeys(row["source"] for row in rows))
    body = []
    for row in rows:
        note = sources.index(row["source"]) + 1
        cells = [_cell(row[column], form) for _, column, form in columns]
        link = f'<sup class="source"><a href="#source-{number}-{note}">{note}</a></sup>'
        cells[0] = cells[0].removesuffix("</td>") + link + "</td>"
        body.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(title)}</th>" for title, _, _ in columns)
    notes = "".join(f'<li id="source-{number}-{i}">{_linked(said)}</li>' for i, said in enumerate(sources, 1))
    return (
        f'<div class="data"><div class="out-html" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(body)}</tbody></table></div><ol class="sources">{notes}</ol></div>'
    )


def _cell(value: str, form: str | None) -> str:
    if form is None:
        return f"<td>{escape(value)}</td>"
    shown = f"{float(value):,.0f}" if form == "whole" else short(float(value))
    # The theme's script would make a tooltip of each `title` while the page opens; a script sets this later.
    return f'<td class="number" data-title="{escape(value)}">{shown}</td>'


def short(value: float) -> str:
    """A count as a reader says it: 175 B, 1.1 B, 300 B, 124 M."""
    for size, letter in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _linked(source: str) -> str:
    def link(match: re.Match[str]) -> str:
        target = f"arxiv.org/abs/{match[1]}" if match[1] else match[2]
        return f'<a href="https://{target}">{match[0]}</a>'

    return _LINK.sub(link, escape(source))
