"""Show snippets on a page: code, its recorded output, and where the output came from.

A page holds a fence, and pymdownx.superfences calls `snippet_fence` for it:

    ``` snippet
    what_is_inference/classify_text.py: load a model that someone else trained, use it
    ```

A line names a file and its cells, all of them if none is named. A cell may be followed by `(code)` or
`(output)`, and the fence's option `show="code"` or `show="output"` says so for all of its cells: the
other half is left out. The option `live="live-classifier"` offers that demo below the recorded output,
which stays for readers without scripts. This needs neither torch nor MkDocs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor
from pymdownx.highlight import Highlight
from pymdownx.superfences import SuperFencesException

from toolkit.book import Book
from toolkit.hub import Model
from toolkit.kept import Kept
from toolkit.outputs import first_picture, output_html
from toolkit.record import Record, Shelf, State
from toolkit.snippets import Cell, Snippet, SnippetError, read

log = logging.getLogger("mkdocs.snippets")


@dataclass
class Site:
    """What the site generator tells this module; the defaults suit any."""

    serving: bool = False
    """While an author edits, problems are shown on the page and never end the build."""
    reports: bool = False
    """Whether somebody reads `errors` after the build; if not, an error is raised at once."""
    colab: str = "https://colab.research.google.com/"
    """Where Colab opens a record: a GitHub prefix, or its front page, which takes an upload."""


_PLAIN = {"snippet", "", "markdown", "md", "costs", "families", "data", "quiz", "decide"}
_PLAIN |= {"text", "bash", "console", "python"}
_ALIKE = re.compile(r'<span class="(\w+)">[^<]*</span>(?:<span class="\1">[^<]*</span>)+')
"""Neighbours of one colour: the quotation marks of a string, and what stands between them."""
_HALF = re.compile(r"(.*?)(?:\s+\((code|output)\))?")

DEMOS = (
    "live-classifier",
    "teach-it",
    "forge-it",
    "quantise-it",
    "write-on",
    "denoise-it",
    "describe-it",
    "say-it",
)
"""The custom elements of `web/src/live.ts`."""

site = Site()
errors: list[str] = []
_shelf: tuple[float, Shelf] | None = None
_kept: Kept | None = None


def _read(file: Path, book: Book) -> Snippet:
    return _read_at(file, book, file.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _read_at(file: Path, book: Book, changed: int) -> Snippet:
    """A page shows several cells of a snippet, and an author's next build the same again."""
    return read(file, book)


def begin_build() -> None:
    """Forget what an earlier build found."""
    global _shelf
    _shelf = None
    kept().begin()
    errors.clear()


def kept() -> Kept:
    """What the last build computed: while an author edits, nearly all of it stays as it was."""
    global _kept
    file = Book.locate().cache / "pages.json"
    if _kept is None or _kept.file != file:
        _kept = Kept(file)
    return _kept


def shelf() -> Shelf:
    """Hashes each file once in a build; where no build begins, after a second anew."""
    global _shelf
    now = time.monotonic()
    if _shelf is None or (not site.reports and now - _shelf[0] > 1.0):
        _shelf = (now, Shelf(Book.locate()))
    return _shelf[1]


def each_line(source: str, md: Markdown, show: Callable[[str], str]) -> list[str]:
    """What `show` makes of each line of a fence; a ValueError of it becomes a problem at that line."""
    parts = []
    for line in filter(None, (line.strip() for line in source.splitlines())):
        try:
            parts.append(show(line))
        except ValueError as error:
            parts.append(_problem(md, line, str(error)))
        except Exception as error:
            # Any other exception would make superfences show the fence as text.
            raise SuperFencesException(f"{_locate(md, line)}: {type(error).__name__}: {error}") from error
    return parts


def snippet_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """The custom fence's formatter. Every problem names the page, its line and the snippet."""
    show = options.get("show", "both")

    def shown(line: str) -> str:
        if show not in ("both", "code", "output"):
            raise ValueError(f'show="{show}"; it is "code" or "output"')
        return _show(line, show, md)

    html = "\n".join(each_line(source, md, shown)) or _problem(md, "", "the fence names no snippet")
    demo = options.get("live")
    if demo is None:
        return html
    if demo not in DEMOS:
        return _problem(md, source.strip().partition("\n")[0], f"there is no demo `{demo}`") + html
    return f"<{demo}>{html}</{demo}>"


def validate(
    language: str, inputs: dict[str, str], options: dict[str, Any], attrs: Any, md: Markdown
) -> bool:
    """Take every option over; `snippet_fence` says what is wrong with one."""
    options.update(inputs)
    return True


def _show(line: str, show: str, md: Markdown) -> str:
    page = _page(md)
    name, _, wanted = line.partition(":")
    book = shelf().book
    file = book.snippets / name.strip()
    if not file.is_file():
        raise ValueError(f"there is no snippet `snippets/{name.strip()}`")
    state = shelf().state(file)
    if state.record is None:
        raise ValueError(f"`{state.shown}`: {'; '.join(state.reasons)}: run `python -m toolkit record`")
    record = state.record
    note = ""
    if not state.fresh:
        note = _stale(state, _locate(md, line))
    snippet = None
    # While the author is in the middle of a line, the last good code stands with its output.
    with contextlib.suppress(SnippetError):
        snippet = state.snippet or _read(file, book)
    code = {cell.title: cell.source for cell in snippet.cells} if snippet else record.sources
    asked = [_HALF.fullmatch(title.strip()) for title in wanted.split(",") if title.strip()]
    blocks = []
    for title, half in [(match[1], match[2] or show) for match in asked if match] or [
        (all_, show) for all_ in code
    ]:
        if title not in code:
            known = ", ".join(f"`{known}`" for known in code)
            raise ValueError(f"`{state.shown}` has no cell `{title}`; it has {known}")
        cell = snippet.cell(title) if snippet else None
        blocks.append(_cell(code[title], cell, record, title, half, md))
    header = _header(state, snippet, page)
    footer = f'<footer><p class="spoke">{provenance(record, page)} {cost(record)}.</p></footer>'
    body = "".join([header, note, *blocks, footer])
    # Searched is the prose: an index of all code and output would weigh more than the page. The theme's
    # parser takes the end of any element of the same name for the end of what is left out.
    about = f'data-snippet="{escape(name.strip())}" style="--lines: {_lines(body)}"'
    return f'<section class="snippet" {about} data-search-exclude>{body}</section>'


def _lines(html: str) -> int:
    """About how many lines of code it is high: a browser reserves that much before it draws it."""
    text = sum(block.count("\n") + 3 for block in re.findall(r"<pre.*?</pre>", html, re.DOTALL))
    return text + 17 * html.count('class="out-figure"') + 2 * html.count("<tr")


def _cell(source: str, cell: Cell | None, record: Record, title: str, show: str, md: Markdown) -> str:
    html = ""
    if show != "output":
        html += highlight(source, md, title)
    outputs = "".join(output_html(output, label=title) for output in record.outputs.get(title, []))
    if show != "code" and outputs:
        measured = (cell.measured if cell else False) or "measured" in record.tags.get(title, [])
        label = f"Output, measured on {escape(record.about['machine'])}" if measured else "Output"
        if has_stand_in(record):
            label += " · a stand-in answered, see below"
        html += f'<div class="out"><p class="out-label">{label}</p>{outputs}</div>'
    return html


def highlight(source: str, md: Markdown, title: str = "") -> str:
    """Python code as Material shows it, with its copy button."""

    def make() -> str:
        html = Highlight(md, guess_lang=False, use_pygments=True).highlight(
            source, "python", "highlight", title=title or None
        )
        # Most elements of a page would be words and signs that have the colour of code itself.
        html = re.sub(r'<span class="[nwpo]">([^<]*)</span>', r"\1", str(html))
        return _ALIKE.sub(lambda match: match[0].replace(f'</span><span class="{match[1]}">', ""), html)

    return kept().get(make, "code", source, title)


def _header(state: State, snippet: Snippet | None, page: str | None) -> str:
    """The file's path, its other forms, and a button that a script shows and answers."""
    parts = [
        f'<span class="snippet-path">{escape(state.shown)}</span>',
        f'<span class="files">{_links(state, page)}',
    ]
    if snippet is not None:
        # The file's text would weigh as much again as what is shown of it: the button fetches it.
        file = f"{_up(page)}snippets/{snippet.name}"
        button = f'<button type="button" class="copy-file" data-file="{file}">Copy the file</button>'
        parts.append(f"<span hidden> · {button}</span>")
    parts.append("</span>")
    if snippet is not None and snippet.needs:
        parts.append(f'<span class="needs">Needs: {_needs(snippet, page)}</span>')
    return "".join(['<header class="snippet-head">', *parts, "</header>"])


def _needs(snippet: Snippet, page: str | None) -> str:
    """The docstring's words: what to say to a shell as code, and the book's other files as links."""
    book = shelf().book

    def link(found: re.Match[str]) -> str:
        name = found[0]
        for file in [*book.snippets.glob(f"*/{name}"), *book.docs.glob(f"data/{name}")]:
            if file != book.snippets / snippet.name:
                place = file.relative_to(book.docs if file.is_relative_to(book.docs) else book.root)
                return f'<a href="{_up(page)}{place.as_posix()}" download>{name}</a>'
        return name

    words = escape(snippet.needs, quote=False)
    words = re.sub(r"\b[\w-]+\.(?:csv|flac|py)\b", link, words)
    words = re.sub(r"(</a>) (?=[A-Z])", r"\1. ", words)  # a new line ends a sentence in the file
    return re.sub(r'(pip install(?: (?:[\w-]+|"[\w\[\],-]+"))+)', r"<code>\1</code>", words)


def cost(record: Record) -> str:
    about = record.about
    return f"Ran in {about['seconds']:.1f} s, at most {about['peak_mb']:,} MB of memory"


def has_stand_in(record: Record) -> bool:
    """Whether weights of this book answered in place of the model that the code names."""
    models = [
        shelf().catalog.get(weights["id"])
        for weights in record.about["weights"]
        if weights["from"] == "embedded"
    ]
    return any(model is not None and not model.embedded.get("original") for model in models)


def provenance(record: Record, page: str | None) -> str:
    """Which weights spoke, in words that never pass a stand-in off as the original."""
    said = []
    for weights in record.about["weights"]:
        name = escape(weights["id"])
        if weights["from"] == "hub":
            said.append(f"<code>{name}</code> @ {weights['revision'][:7]}, from the Hub")
            continue
        model = shelf().catalog.get(weights["id"])
        embedded = model.embedded if model else {}
        size = f"{embedded.get('parameters', 0) / 1e6:.1f} M parameters"
        if embedded.get("original"):
            said.append(f"<code>{name}</code>, {size}, the original file, from a package")
        else:
            link = _trainer_link(embedded, page)
            said.append(
                f"embedded weights <code>{escape(str(embedded.get('name')))}</code>, {size}, "
                f"trained by {link}, standing in for <code>{name}</code>, whose answers and times will differ"
            )
    said += [_own_weights(model, page) for model in shelf().catalog.values() if _has_read(record, model)]
    return f"Weights: {'; '.join(said)}." if said else "No pretrained weights."


def _has_read(record: Record, model: Model) -> bool:
    return model.own and any(path.startswith(f"{model.id}/") for path in record.about["files"])


def _own_weights(model: Model, page: str | None) -> str:
    embedded = model.embedded
    link = _trainer_link(embedded, page)
    size = f"{embedded['parameters'] / 1e6:.2f} M parameters"
    return f"on top of it the book's own <code>{escape(embedded['name'])}</code>, {size}, trained by {link}"


def _trainer_link(embedded: dict[str, Any], page: str | None) -> str:
    """To the lab page of the snippet that trained the weights."""
    trainer = embedded.get("trained_by", "")
    return f'<a href="{_up(page)}{_lab_url(trainer)}">{escape(trainer.rpartition("/")[2])}</a>'


def _links(state: State, page: str | None, lab_page: bool = True) -> str:
    up = _up(page)
    name = state.file.relative_to(shelf().book.snippets).with_suffix("").as_posix()
    lab = _lab_url(state.shown)
    colab = site.colab
    hint = "open in Colab"
    if "/github/" in colab:
        colab += f"docs/lab/{name}.ipynb"
    else:
        hint = "open Colab, then upload the .ipynb"
    return " · ".join(
        [
            *([f'<a href="{up}{lab}">Lab page</a>'] if lab_page else []),
            f'<a href="{up}snippets/{name}.py" download>.py</a>',
            f'<a href="{up}{lab}{name.rpartition("/")[2]}.ipynb" download>.ipynb</a>',
            f'<a href="{colab}" rel="noopener" data-title="{hint}">Colab</a>',
        ]
    )


def _lab_url(shown: str) -> str:
    return "lab/" + shown.removeprefix("snippets/").removesuffix(".py") + "/"


def _up(page: str | None) -> str:
    """Relative path from a page's address to the site's root."""
    if page is None:  # a builder that rewrites links from where the page's file lies, as Zensical does
        return ""
    return "../" * len([part for part in page.split("/")[:-1] if part != "."])


def _page(md: Markdown) -> str | None:
    """Address of the page being rendered, such as `what-is-training/`, where MkDocs tells."""
    return getattr(_page_file(md), "url", None)


def address(md: Markdown, target: str) -> str:
    """Relative address of a place below the site's root, from the page being rendered."""
    return _up(_page(md)) + target


def _page_file(md: Markdown) -> Any:
    if "relpath" in md.treeprocessors:
        return getattr(md.treeprocessors["relpath"], "file", None)
    return None


def gallery_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """All snippets as cards: picture, what it shows, seconds, memory, weights, downloads."""
    page = _page(md)
    cards, section = [], ""
    for state in sorted(shelf().states(), key=_chapter_order):
        if state.record is None:
            cards.append(_problem(md, "", f"`{state.shown}`: {'; '.join(state.reasons)}"))
            continue
        if state.file.parent.name != section:
            section = state.file.parent.name
            heading = section.replace("_", " ").capitalize()
            cards.append(f'{"</div>" if cards else ""}<h2 id="{section}">{heading}</h2><div class="gallery">')
        if not state.fresh:
            cards.append(_stale(state, _locate(md, "``` gallery")))
        try:
            about = _read(state.file, shelf().book).about
        except SnippetError:
            about = ""  # the badge above says what is wrong with the file
        url = _up(page) + _lab_url(state.shown)
        name = state.file.stem.replace("_", " ").capitalize()
        cards.append(
            '<article class="card">'
            '<section class="card-picture" aria-hidden="true" inert data-search-exclude>'
            f'{first_picture(state.record.outputs)}</section><h3><a href="{url}">{escape(name)}</a></h3>'
            f"<p>{escape(about)}</p>"
            f'<p class="spoke">{cost(state.record)}. {provenance(state.record, page)}</p>'
            f'<p class="files">{_links(state, page)}</p></article>'
        )
    return "".join(cards) + "</div>"


def lab_header(src_uri: str, page: str) -> str:
    """What stands above a record on its lab page: where it belongs, its files, its price."""
    book = shelf().book
    file = (book.snippets / src_uri.removeprefix("lab/")).with_suffix(".py")
    state = shelf().state(file)
    if state.record is None:
        return ""
    note = "" if state.fresh else _stale(state, f"docs/{src_uri}")
    return (
        f'{note}<aside class="lab-header">'
        f'<p><a href="{_up(page)}lab/">Lab</a> / <code>{state.shown}</code></p>'
        f'<p class="spoke">{provenance(state.record, page)} {cost(state.record)}, '
        f"on {escape(state.record.about['machine'])}.</p>"
        f'<p class="files">{_links(state, page, lab_page=False)}</p></aside>'
    )


_SECTIONS = (
    "opening",
    "what_is_training",
    "what_is_inference",
    "real_world_examples",
    "use_before_you_train",
    "training_considerations",
    "inference_considerations",
    "builders_lens",
    "summary",
)


def _chapter_order(state: State) -> tuple[int, str]:
    section = state.file.parent.name
    return (_SECTIONS.index(section) if section in _SECTIONS else len(_SECTIONS), state.shown)


def cost_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """A table of what recorded runs took. A line is `step | what you own in the end | file.py`."""

    def row(line: str) -> str:
        step, own, state, record = _line_of_record(line, "step | what you own")
        about = record.about
        return (
            f"<tr><td>{escape(step)}</td><td>{escape(own)}</td><td>{_lab_link(state, md)}</td>"
            f"<td>{about['seconds']:.1f} s</td><td>{about['peak_mb']:,} MB</td></tr>"
        )

    head = ("Step", "What you own in the end", "Run", "Time", "Memory")
    return _table(head, each_line(source, md, row)) + _measured_on()


def family_fence(
    source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any
) -> str:
    """A table of models, from the catalog and the records.

    A line is `family | what for | input → output | file.py`. The first line may be `seconds: file.py`:
    the snippet that printed, for each Hub id, the seconds to its first answer.
    """
    seconds: dict[str, str] = {}

    def row(line: str) -> str:
        if line.startswith("seconds:"):
            timed = _recorded(line.removeprefix("seconds:").strip())[1]
            printed = "".join(
                "".join(output.get("text", "")) for cell in timed.outputs.values() for output in cell
            )
            seconds.update(re.findall(r"^(\S+/\S+)\s+(\d+\.\d+) s", printed, re.MULTILINE))
            return ""
        family, rest, state, record = _line_of_record(line, "family | what for | input → output", 4)
        purpose, _, shape = map(str.strip, rest.partition("|"))
        known = shelf().catalog
        models = [known[weights["id"]] for weights in record.about["weights"] if weights["id"] in known]
        if not models:
            raise ValueError(f"`{state.shown}` was recorded with no model of the catalog")
        model, original = models[0], models[0].entry
        cells = [
            f"<strong>{escape(family)}</strong> {escape(purpose)}",
            escape(shape),
            f"<code>{escape(model.id)}</code><br>{original['parameters'] / 1e6:,.0f} M parameters, "
            f"{original['megabytes']:,.0f} MB, {escape(original['licence'])}",
            _embedded_size(model),
            f"{seconds[model.id]} s" if model.id in seconds else "not measured",
            _lab_link(state, md),
        ]
        return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

    head = ("Family", "Input → output", "The original", "What answers here", "First answer", "Run")
    rows = [row for row in each_line(source, md, row) if row]
    return _table(head, rows) + _measured_on()


def _embedded_size(model: Model) -> str:
    """Parameters and MB of 10^6 bytes of what answers offline, as it lies in git."""
    if model.embedded.get("original"):
        return "the original itself, from a package"
    folder = model.source(shelf().book)
    size = sum((folder / name).stat().st_size for name in model.sha256)
    return f"{model.embedded['parameters'] / 1e6:.2f} M parameters, {size / 1e6:.1f} MB"


def _recorded(name: str) -> tuple[State, Record]:
    file = shelf().book.snippets / name
    state = shelf().state(file) if file.is_file() else None
    if state is None or state.record is None:
        raise ValueError(f"there is no record of `{name}`")
    return state, state.record


def _line_of_record(line: str, form: str, parts: int = 3) -> tuple[str, str, State, Record]:
    """First cell, the cells between, and the record of the file that the line ends with."""
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) != parts:
        raise ValueError(f"a line is `{form} | file.py`")
    return cells[0], " | ".join(cells[1:-1]), *_recorded(cells[-1])


def _lab_link(state: State, md: Markdown) -> str:
    return f'<a href="{_up(_page(md))}{_lab_url(state.shown)}"><code>{escape(state.file.name)}</code></a>'


def _table(head: tuple[str, ...], rows: list[str]) -> str:
    names = "".join(f"<th>{name}</th>" for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _measured_on() -> str:
    machines = {state.record.about["machine"] for state in shelf().states() if state.record}
    return f'<p class="spoke">Measured on {escape("; ".join(sorted(machines)))}.</p>'


def _stale(state: State, place: str) -> str:
    """A badge for the author; in a build, a warning, which a strict build takes for an error."""
    reasons = "; ".join(state.reasons)
    status = read_status(state)
    if site.serving:
        if status.get("failed"):
            return (
                '<div class="badge badge-failed" role="status"><p>This is the last output that worked. '
                f"Now: <code>{escape(status['failed'])}</code></p>"
                f"<pre><samp>{escape(status.get('details', ''))}</samp></pre></div>"
            )
        doing = "Recording again" if status.get("recording") else "Stale"
        return f'<p class="badge" role="status">{doing}: {escape(reasons)}.</p>'
    report(f"{place}: stale record of `{state.shown}`: {reasons}", logging.WARNING)
    return ""


def read_status(state: State) -> dict[str, Any]:
    """What the recorder in the background says of a snippet."""
    file = shelf().book.cache / "status" / (state.file.parent.name + "." + state.file.stem + ".json")
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def report(message: str, level: int = logging.ERROR) -> None:
    log.log(level if not site.serving else logging.WARNING, message)
    if level >= logging.ERROR:
        errors.append(message)


def _problem(md: Markdown, line: str, message: str) -> str:
    place = _locate(md, line)
    report(f"{place}: {message}")
    if not site.reports and not site.serving:
        raise SuperFencesException(f"{place}: {message}")
    return f'<p class="badge badge-failed" role="alert">{escape(place)}: {escape(message)}</p>'


def _locate(md: Markdown, line: str) -> str:
    """`docs/page.md:12` of the first line that reads so; the renderer keeps no line numbers."""
    book = shelf().book
    file = _page_file(md)
    pages = [book.docs / file.src_uri] if file is not None else sorted(book.docs.glob("*.md"))
    for page in pages:
        for number, text in enumerate(
            page.read_text(encoding="utf-8").splitlines() if page.exists() else [], 1
        ):
            if line and text.strip() == line.strip():
                return f"{book.relative(page)}:{number}"
    return book.relative(pages[0]) if len(pages) == 1 else "a page"


class _FenceCheck(Preprocessor):  # type: ignore[misc]
    """Finds what superfences would pass over as text: an unclosed or a misspelt snippet fence."""

    _OPEN = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w.{}-]*)(.*)$")

    def run(self, lines: list[str]) -> list[str]:
        fence, word, opened = "", "", ""
        for line in lines:
            match = self._OPEN.match(line)
            if not fence and match:
                fence, word, opened = match[1], match[2].strip("{}."), line
            elif fence and line.strip() == fence:
                fence = ""
            elif fence and word not in _PLAIN and re.fullmatch(r"\s*\w+/\w+\.py(:.*)?", line):
                _problem(self.md, opened, f"a snippet stands in a fence of kind `{word}`; write ``` snippet")
        if fence and word in ("snippet", "gallery"):
            _problem(self.md, opened, "the fence is never closed")
        return lines


class SnippetExtension(Extension):  # type: ignore[misc]
    """Markdown extension `toolkit.render`: checks the fences before superfences sees them.

    It also tells Markdown that the demos' elements are blocks.
    """

    def extendMarkdown(self, md: Markdown) -> None:
        md.block_level_elements.extend(DEMOS)
        # After the whitespace is normalised (30), before superfences takes the fences out (25).
        md.preprocessors.register(_FenceCheck(md), "snippet-fence-check", 29)


def makeExtension(**options: Any) -> SnippetExtension:
    return SnippetExtension(**options)
