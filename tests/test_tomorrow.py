"""The same pages under MkDocs' and Material's successors: every output is there.

Compared by content, since a builder that does not know a plugin may drop its pages and end well.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolkit.book import Book

pytestmark = pytest.mark.xdist_group("tomorrow")
BOOK = Book(ROOT)
PAGES = [page.stem for page in sorted(BOOK.docs.glob("*.md")) if page.stem != "index"]


def shown(site: Path, page: str) -> dict[str, list[str]]:
    """What a page shows of its snippets: their names, their code and text, their figures' alternatives."""
    html = (site / page / "index.html").read_text(encoding="utf-8")
    return {
        "snippets": re.findall(r'data-snippet="([^"]+)"', html),
        "text": re.findall(r"<samp>(.*?)</samp>", html, re.DOTALL),
        "pictures": sorted(re.findall(r'role="img" aria-label="([^"]+)"', html))
        or sorted(re.findall(r'<img[^>]*\balt="([^"]+)"', html)),
        "weights": re.findall(r'<p class="spoke">(.*?)</p>', html, re.DOTALL),
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book without what is built from it."""
    target = tmp_path_factory.mktemp("book")
    for name in ("docs", "includes", "models", "overrides", "snippets", "toolkit"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.txt"), ROOT / "mkdocs.yml", ROOT / "LICENSE"]:
        shutil.copyfile(file, target / file.name)
    return target


def build(copy: Path, *command: str) -> Path:
    shutil.rmtree(copy / "site", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=copy,
        env={**os.environ, "BOOK_ROOT": str(copy), "PYTHONPATH": str(copy), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return copy / "site"


def test_properdocs_builds_the_same_pages(copy: Path, site: Path) -> None:
    built = build(copy, "properdocs", "build", "--strict", "--quiet")
    for page in PAGES:
        assert shown(built, page) == shown(site, page), page
    for file in BOOK.snippet_files():
        lab = Path("lab", file.parent.name, file.stem, "index.html")
        assert (built / lab).exists(), f"{lab} was dropped"


def test_zensical_builds_the_same_chapter(copy: Path, site: Path) -> None:
    """Its pages, not the lab's, which a plugin renders: CONTRIBUTING.md lists what is left to do."""
    config = copy / "mkdocs.yml"
    text = config.read_text(encoding="utf-8")
    try:
        # The one line that it does not read.
        config.write_text(text.replace("!relative $config_dir", str(copy)), encoding="utf-8")
        built = build(copy, "zensical", "build")
    finally:
        config.write_text(text, encoding="utf-8")
    for page in PAGES:
        now, then = shown(built, page), shown(site, page)
        # Pictures become files of their own by a hook; here they stand in the page.
        assert len(now.pop("pictures")) == len(then.pop("pictures")), page
        assert now == then, page
