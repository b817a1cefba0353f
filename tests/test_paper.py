"""The chapter as one PDF: every section, with its outline, and links that lead within it."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from toolkit import paper
from toolkit.book import BookError

pytestmark = pytest.mark.xdist_group("paper")
PAGES = ["", "what-is-inference/", "summary/"]


@pytest.fixture(scope="module")
def copy(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Printing writes into the site, which other tests read."""
    target = tmp_path_factory.mktemp("paper") / "site"
    shutil.copytree(site, target, copy_function=os.link)
    return target


def test_pages_are_joined_with_their_links_and_ids(site: Path) -> None:
    html = paper.join(site, PAGES)
    ids = re.findall(r'<(?!path|clipPath|g|use|defs)\w+[^>]*?\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    everything = set(re.findall(r'\bid="([^"]+)"', html))
    broken = [link for link in re.findall(r'href="#([^"]+)"', html) if link not in everything]
    assert broken == [], "a link within the file leads nowhere"
    for source in re.findall(r'<img[^>]*\bsrc="([^"]+)"', html):
        assert (site / source).is_file()
    assert "<script" not in html


def test_it_is_printed_with_an_outline(copy: Path) -> None:
    with ThreadPoolExecutor() as aside:  # this thread may hold the browser of other tests
        file = aside.submit(paper.write, copy, PAGES).result()
    try:
        data = file.read_bytes()
    finally:
        file.unlink()
    assert data.startswith(b"%PDF-")
    assert b"/Outlines" in data
    assert b"/StructTreeRoot" in data, "a screen reader finds headings and text alternatives"
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") > 3
    assert not (copy / "print.html").exists()


def test_without_a_browser_it_says_what_is_missing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.browser.find", lambda: None)
    with pytest.raises(BookError, match="no Chromium"):
        paper.write(site, PAGES)
