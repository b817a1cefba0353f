"""Whatever an author writes: cells come back as written, mistakes are sentences, keys tell every change."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown import Markdown

from toolkit.book import Book
from toolkit.record import _hash
from toolkit.snippets import SnippetError, read

FAST = settings(max_examples=150, deadline=None)

titles = st.text(st.characters(whitelist_categories=["L", "N"]), min_size=1, max_size=20)
lines = st.sampled_from(
    [
        "x = 1",
        "print('# %% not a cell')",
        "",
        "    # %% nor this, which is indented",
        "def f():",
        "    return 2",
        "text = '''",
        "'''",
        "# a comment",
        "é = 'ü'",
        "\f",
    ]
)
sources = st.lists(lines, min_size=1, max_size=6).map("\n".join)


def book(folder: str) -> Book:
    (Path(folder) / "snippets" / "page").mkdir(parents=True)
    return Book(Path(folder).resolve())


def is_python(text: str) -> bool:
    try:
        compile(text, "x", "exec")
    except SyntaxError:
        return False
    return True


@FAST
@given(st.lists(st.tuples(titles, sources), min_size=1, max_size=5, unique_by=lambda cell: cell[0]))
def test_cells_come_back_with_their_lines(cells: list[tuple[str, str]]) -> None:
    cells = [(title, source) for title, source in cells if source.strip() and is_python(source)]
    if not cells or any("'''" in source for _, source in cells):
        return
    text = "\n".join(f"# %% {title}\n{source}" for title, source in cells) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        here = book(folder)
        file = here.snippets / "page" / "s.py"
        file.write_text(text, encoding="utf-8", newline="")
        found = read(file, here).cells
    assert [cell.title for cell in found] == [title for title, _ in cells]
    for cell, (_, source) in zip(found, cells, strict=True):
        assert cell.source in source
        height = cell.source.count("\n") + 1
        assert "\n".join(text.split("\n")[cell.line - 1 : cell.line - 1 + height]) == cell.source


@FAST
@given(st.text(max_size=200))
@example("# %% a\n\0")
@example("# %% a\n\tx = 1\n        y = 2\n")
@example('# %% a tags=["measured", \n1\n')
@example("# %% a\n'''\n# %% b\n")
@example("# %% a\nx = 1\\")
@example("# %% a\n1\r# %% b\r2")
@example("# %% a\n\ufeff1")
@example("# %% a tags=[[]]\n1")
@example("# %% a timeout=1e999\n1")
@example("# %%a\n1")
@example("# %% a\n" + "(" * 300)
def test_any_text_is_a_snippet_or_a_sentence(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = book(folder)
        file = here.snippets / "page" / "s.py"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            assert read(file, here).cells
        except SnippetError as error:
            assert str(error).startswith("snippets/page/s.py:")
            assert "\n" not in str(error)


fence_text = st.text(
    st.sampled_from("abc/_.py:,()=\"<>&'`\n %{}") | st.characters(blacklist_categories=["Cs"]), max_size=80
)


@FAST
@given(fence_text)
@example("what_is_inference/classify_text.py: use it (")
@example("what_is_inference/classify_text.py: <script>alert(1)</script>")
@example("../../etc/passwd")
@example("what_is_inference/../../toolkit/run.py")
def test_any_fence_is_shown_or_named(text: str) -> None:
    """A mistake stands on the page as text, with nothing of it taken for markup."""
    from toolkit import render

    render.begin_build()
    reports, render.site.reports = render.site.reports, True
    try:
        html = render.snippet_fence(text, "snippet", "snippet", {}, Markdown())
        if 'data-snippet="' not in html:
            assert render.errors or not text.strip()
        assert "<script" not in html
    finally:
        render.site.reports = reports
        render.begin_build()


@FAST
@given(st.binary(max_size=200), st.binary(max_size=200))
@example(b"a\nb", b"a\r\nb")
@example(b"a\rb", b"a\nb")
def test_a_key_tells_contents_apart_but_not_line_ends(one: bytes, other: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "one"), Path(folder, "other")
        first.write_bytes(one)
        second.write_bytes(other)
        same = one.replace(b"\r\n", b"\n") == other.replace(b"\r\n", b"\n")
        assert (_hash(first) == _hash(second)) == same
