"""What a fence becomes, and what a wrong one says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallBook

CONFIG = f"""
site_name: Small
theme: {{name: material, font: false}}
hooks: [{ROOT}/toolkit/hooks.py]
plugins: [{{mkdocs-jupyter: {{include: ["*.ipynb"], include_source: true}}}}]
markdown_extensions:
  - pymdownx.superfences:
      custom_fences:
        - name: snippet
          class: snippet
          validator: !!python/name:toolkit.render.validate
          format: !!python/name:toolkit.render.snippet_fence
        - name: costs
          class: costs
          format: !!python/name:toolkit.render.cost_fence
        - name: families
          class: families
          format: !!python/name:toolkit.render.family_fence
  - toolkit.render
"""


@pytest.fixture
def site(small: SmallBook) -> SmallBook:
    (small.root / "mkdocs.yml").write_text(CONFIG)
    small.snippet(
        "tells",
        """
        '''Tell <b>something</b>.'''
        # %% set
        x = "<script>alert(1)</script>"

        # %% tell
        print(x, 1 < 2)
        """,
    )
    assert small.toolkit("record").returncode == 0
    return small


def build(small: SmallBook, body: str, strict: bool = True) -> subprocess.CompletedProcess[str]:
    (small.root / "docs" / "index.md").write_text(f"# Page\n\n{body}\n")
    command = [sys.executable, "-m", "mkdocs", "build", *(["--strict"] if strict else [])]
    environment = {**os.environ, "BOOK_ROOT": str(small.root), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        command, cwd=small.root, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def fence(body: str, info: str = "snippet") -> str:
    return f"``` {info}\n{body}\n```"


def code_of(html: str) -> list[str]:
    blocks = re.findall(r'<div class="highlight">.*?<code>(.*?)</code>', html, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", block)).strip("\n") for block in blocks]


def test_code_output_and_links(site: SmallBook) -> None:
    result = build(site, fence("page/tells.py"))
    assert result.returncode == 0, result.stderr
    html = (site.root / "site" / "index.html").read_text()
    assert code_of(html) == ['x = "<script>alert(1)</script>"', "print(x, 1 < 2)"]
    assert "<samp>&lt;script&gt;alert(1)&lt;/script&gt; True</samp>" in html
    assert "<script>alert(1)" not in html, "output is text, whatever it looks like"
    for link in ("lab/page/tells/", "snippets/page/tells.py", "lab/page/tells/tells.ipynb"):
        assert f'href="{link}"' in html
        target = site.root / "site" / link
        assert target.exists()
    assert re.search(r'<button [^>]*data-file="snippets/page/tells.py"', html)


def test_what_a_snippet_needs_is_a_whole_command_and_links(site: SmallBook) -> None:
    (site.root / "snippets" / "data" / "words.csv").write_text("a,b\n")
    site.snippet(
        "needy",
        """
        '''Want much.

        Needs: pip install torch "ray[data,serve]" scikit-learn, and the book's words.csv,
        <nothing.csv>, and tells.py
        As a server: uvicorn needy:app, in needy.py
        '''
        # %% tell
        print("much")
        """,
    )
    assert site.toolkit("record").returncode == 0
    result = build(site, fence("page/needy.py"))
    assert result.returncode == 0, result.stderr
    html = (site.root / "site" / "index.html").read_text()
    (said,) = re.findall(r'<span class="needs">(.*?)</span>', html)
    links = [
        f'<a href="{place}" download>' for place in ("snippets/data/words.csv", "snippets/page/tells.py")
    ]
    assert said == (
        'Needs: <code>pip install torch "ray[data,serve]" scikit-learn</code>, and the book\'s '
        f"{links[0]}words.csv</a>, &lt;nothing.csv&gt;, and {links[1]}tells.py</a>. "
        "As a server: uvicorn needy:app, in needy.py"
    )


def test_named_cells_and_halves(site: SmallBook) -> None:
    assert build(site, fence("page/tells.py: tell (output)")).returncode == 0
    html = (site.root / "site" / "index.html").read_text()
    assert code_of(html) == [] and "<samp>" in html
    assert build(site, fence("page/tells.py: set", 'snippet { show="code" }')).returncode == 0
    html = (site.root / "site" / "index.html").read_text()
    assert code_of(html) == ['x = "<script>alert(1)</script>"'] and "<samp>" not in html


def test_a_demo_wraps_the_recorded_output(site: SmallBook) -> None:
    result = build(site, fence("page/tells.py: tell", 'snippet { live="live-classifier" }'))
    assert result.returncode == 0, result.stderr
    html = (site.root / "site" / "index.html").read_text()
    assert re.search(
        r'<live-classifier><section class="snippet".*<samp>.*</section></live-classifier>', html, re.DOTALL
    )
    assert not re.search(r"<p>\s*<live-classifier", html)
    assert "assets/live" not in html, "a book without web/ has no script"
    result = build(site, fence("page/tells.py: tell", 'snippet { live="no-such" }'))
    assert result.returncode != 0
    assert "docs/index.md:4: there is no demo `no-such`" in result.stderr


def test_a_fence_works_inside_a_list(site: SmallBook) -> None:
    indented = "\n".join("    " + line for line in fence("page/tells.py: tell").splitlines())
    result = build(site, f"- a list item\n\n{indented}")
    assert result.returncode == 0, result.stderr
    assert "<samp>" in (site.root / "site" / "index.html").read_text()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (fence("page/tels.py"), "docs/index.md:4: there is no snippet `snippets/page/tels.py`"),
        (
            fence("page/tells.py: set, yell"),
            "docs/index.md:4: `snippets/page/tells.py` has no cell `yell`; it has `set`, `tell`",
        ),
        (
            fence("page/tells.py", 'snippet { show="all" }'),
            'docs/index.md:4: show="all"; it is "code" or "output"',
        ),
        ("``` snippet\npage/tells.py\n", "docs/index.md:3: the fence is never closed"),
        (
            fence("page/tells.py", "snipet"),
            "docs/index.md:3: a snippet stands in a fence of kind `snipet`; write ``` snippet",
        ),
        (fence(""), "docs/index.md: the fence names no snippet"),
        (
            fence("a step | page/tells.py", "costs"),
            "docs/index.md:4: a line is `step | what you own | file.py`",
        ),
        (
            fence("a step | a thing | page/no.py", "costs"),
            "docs/index.md:4: there is no record of `page/no.py`",
        ),
    ],
    ids=["no file", "no cell", "option", "unclosed", "misspelt", "empty", "costs columns", "costs file"],
)
def test_a_wrong_fence_is_a_build_error_with_page_and_line(site: SmallBook, body: str, message: str) -> None:
    for strict in (True, False):
        result = build(site, body, strict)
        assert result.returncode == 1, "a build error, strict or not"
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_a_missing_record_is_a_build_error(site: SmallBook) -> None:
    site.record("tells").unlink()
    result = build(site, fence("page/tells.py"), strict=False)
    assert result.returncode == 1
    assert (
        "docs/index.md:4: `snippets/page/tells.py`: has no record: run `python -m toolkit record`"
        in result.stderr
    )


def test_a_stale_record_fails_a_strict_build(site: SmallBook) -> None:
    data = site.root / "snippets" / "data" / "rows.csv"
    data.write_text("1\n")
    site.snippet("reads", "# %% read\nprint(open('snippets/data/rows.csv').read())\n")
    assert site.toolkit("record").returncode == 0
    data.write_text("2\n")
    result = build(site, fence("page/reads.py"))
    assert result.returncode == 1
    expected = "docs/index.md:4: stale record of `snippets/page/reads.py`: `snippets/data/rows.csv` changed"
    assert expected in result.stderr
    assert build(site, fence("page/reads.py"), strict=False).returncode == 0


def test_text_looks_as_in_a_terminal(site: SmallBook) -> None:
    site.snippet("bars", "# %% draw\nprint('10%\\r100%')\nprint('\\x1b[31mred\\x1b[0m')\n")
    assert site.toolkit("record").returncode == 0
    assert build(site, fence("page/bars.py: draw (output)")).returncode == 0
    assert "<samp>100%\nred</samp>" in (site.root / "site" / "index.html").read_text()


def test_a_longer_fence_may_show_how_a_fence_is_written(site: SmallBook) -> None:
    result = build(site, f"````markdown\n{fence('page/tells.py')}\n````")
    assert result.returncode == 0, result.stderr


def test_every_problem_is_reported_in_one_build(site: SmallBook) -> None:
    result = build(site, fence("page/one.py") + "\n\n" + fence("page/two.py"))
    assert "snippets/page/one.py" in result.stderr and "snippets/page/two.py" in result.stderr


def test_another_renderer_stops_at_once(site: SmallBook) -> None:
    """Without MkDocs nobody reads the log: the exception itself must say it."""
    code = """
import markdown, toolkit.render as render
fence = {"name": "snippet", "class": "s", "validator": render.validate, "format": render.snippet_fence}
options = {"pymdownx.superfences": {"custom_fences": [fence]}}
text = open("docs/index.md").read()
print(markdown.markdown(text, extensions=["pymdownx.superfences"], extension_configs=options))
"""

    def convert(body: str) -> subprocess.CompletedProcess[str]:
        (site.root / "docs" / "index.md").write_text(f"# Page\n\n{body}\n")
        environment = {**os.environ, "BOOK_ROOT": str(site.root)}
        run = [sys.executable, "-c", code]
        return subprocess.run(
            run, cwd=site.root, env=environment, capture_output=True, text=True, check=False
        )

    assert "<samp>" in convert(fence("page/tells.py")).stdout
    assert "docs/index.md:4: there is no snippet `snippets/page/no.py`" in convert(fence("page/no.py")).stderr


def test_rendering_needs_no_machine_learning_package() -> None:
    """The author who only writes prose installs requirements-docs.txt and nothing else."""
    code = "import sys, toolkit.hooks; print(sorted({'torch', 'numpy', 'transformers'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_books_pages_name_the_sections(book) -> None:
    """Folders of snippets are named after the pages that show them first."""
    pages = {file.stem.replace("-", "_") for file in book.docs.glob("*.md")} | {"opening"}
    assert {file.parent.name for file in book.snippet_files()} <= pages
    shown = "".join(Path(file).read_text() for file in book.docs.glob("*.md"))
    for file in book.snippet_files():
        assert f"{file.parent.name}/{file.name}" in shown, "every snippet stands on a page"


def test_columns_that_spaces_align_are_scrolled_and_sentences_are_wrapped() -> None:
    from toolkit.outputs import output_html

    def html(text: str) -> str:
        return output_html({"output_type": "stream", "text": text})

    assert "out-table" in html("way    4    16\nhead   0.4  0.6\nlora   0.2  0.5\n")
    assert "out-table" not in html("One long sentence.\nAnother one, with no columns.\nAnd a third.\n")


def test_a_sound_is_a_file_that_waits_to_be_played(site: SmallBook) -> None:
    site.snippet(
        "sounds",
        """
        # %% make a tone
        import math
        from IPython.display import Audio
        wave = [math.sin(i / 5) for i in range(8000)]
        Audio(wave, rate=8000)

        # %% draw a dot
        from PIL import Image
        Image.new("RGB", (30, 20), "red")
        """,
    )
    assert site.toolkit("record").returncode == 0
    result = build(site, fence("page/sounds.py"))
    assert result.returncode == 0, result.stderr
    for page, up in (("index.html", ""), ("lab/page/sounds/index.html", "../../../")):
        html = (site.root / "site" / page).read_text()
        assert "data:audio" not in html and "data:image/png" not in html
        (player,) = re.findall(r"<audio [^>]*>", html)
        assert 'preload="none"' in player and "controls" in player and "aria-label" in player
        for pattern in (r'<audio[^>]*src="([^"]+\.wav)"', r'<img[^>]*src="([^"]+\.png)"'):
            (source,) = re.findall(pattern, html)
            assert source.startswith(f"{up}assets/outputs/")
            assert (site.root / "site" / page).parent.joinpath(source).stat().st_size > 50
        assert 'width="30" height="20"' in html
    assert 'aria-label="Sound: make a tone"' in (site.root / "site" / "index.html").read_text()


def test_a_table_of_families_takes_its_numbers_from_catalog_and_records() -> None:
    page = (ROOT / "docs" / "use-before-you-train.md").read_text()
    lines = re.findall(r"``` families\n(.*?)```", page, re.DOTALL)[0].splitlines()
    code = f"""
import markdown
from toolkit.render import family_fence
fence = {{"name": "families", "class": "families", "format": family_fence}}
options = {{"pymdownx.superfences": {{"custom_fences": [fence]}}}}
text = "``` families\\n" + {chr(10).join(lines)!r} + "\\n```"
print(markdown.markdown(text, extensions=["pymdownx.superfences"], extension_configs=options))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows = re.findall(r"<tr><td>.*?</tr>", result.stdout)
    assert len(rows) == len(lines) - 1
    for row in rows:
        assert re.search(r"\d+ M parameters, [\d,]+ MB, [\w.-]+</td>", row), (
            "size and licence of the original"
        )
        assert re.search(r"<td>\d+\.\d\d M parameters, \d\.\d MB</td>", row), row
        assert re.search(r"<td>\d+\.\d\d s</td>", row), "seconds to the first answer"
        assert ".py</code></a></td></tr>" in row


def test_a_family_without_a_model_is_an_error(site: SmallBook) -> None:
    result = build(site, "``` families\nBERT | for labels | text → label | page/tells.py\n```")
    assert result.returncode == 1
    assert (
        "docs/index.md:4: `snippets/page/tells.py` was recorded with no model of the catalog" in result.stderr
    )
