"""The built site, as a reader's browser meets it."""

from __future__ import annotations

import gzip
import html
import json
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from material.plugins.search.plugin import Parser

from tests.conftest import ROOT
from tests.live import NO_SERVICE_WORKER, visit
from toolkit.book import Book
from toolkit.snippets import read

pytestmark = pytest.mark.xdist_group("site")
BOOK = Book(ROOT)
PAGES = [
    "",
    "what-is-training/",
    "what-is-inference/",
    "real-world-examples/",
    "use-before-you-train/",
    "training-considerations/",
    "inference-considerations/",
    "builders-lens/",
    "summary/",
    "lab/",
    "glossary/",
    "lab/what_is_inference/embed_and_search/",
    "lab/what_is_training/sentiment_head/",
    "lab/use_before_you_train/transcribe_speech/",
]


def documents(site: Path) -> dict[str, str]:
    """Address below the site's root -> HTML."""
    return {
        file.relative_to(site).as_posix().removesuffix("index.html"): file.read_text(encoding="utf-8")
        for file in sorted(site.rglob("*.html"))
    }


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    pages = documents(site)
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in pages.items()}
    broken = []
    for page, text in pages.items():
        if page == "404.html":
            continue
        for link in re.findall(r'\b(?:href|src)="([^"]*)"', text):
            target = urlsplit(urljoin("http://site/" + page, html.unescape(link)))
            if target.netloc != "site" or target.scheme == "data" or link.startswith("data:"):
                continue
            path = unquote(target.path).lstrip("/")
            file = site / path / "index.html" if path.endswith("/") or not path else site / path
            if not file.exists():
                broken.append(f"{page}: {link}")
            elif target.fragment and path in anchors and unquote(target.fragment) not in anchors[path]:
                broken.append(f"{page}: {link} (no such anchor)")
    assert broken == []


def test_no_id_stands_twice_on_a_page(site: Path) -> None:
    for page, text in documents(site).items():
        found = re.findall(r'<(?!path|clipPath|g|use|defs)\w+[^>]*?\bid="([^"]+)"', text)
        twice = {name for name in found if found.count(name) > 1}
        assert not twice, f"{page}: {twice}"


def test_code_on_a_page_is_the_code_in_the_file(site: Path) -> None:
    shown = set()
    for page, text in documents(site).items():
        for name, block in re.findall(
            r'<section class="snippet" data-snippet="([^"]+)"[^>]*>(.*?)</footer>', text, re.DOTALL
        ):
            cells = [cell.source for cell in read(BOOK.snippets / name, BOOK).cells]
            for code in re.findall(r'<div class="highlight">.*?<code>(.*?)</code>', block, re.DOTALL):
                plain = html.unescape(re.sub(r"<[^>]+>", "", code)).strip("\n")
                assert plain in cells, f"{page} shows code that is not in {name}:\n{plain}"
                shown.add(name)
    assert shown == {read(file, BOOK).name for file in BOOK.snippet_files()}


def test_a_lab_page_shows_its_record(site: Path) -> None:
    for file in BOOK.snippet_files():
        page = (site / "lab" / file.relative_to(BOOK.snippets).with_suffix("") / "index.html").read_text()
        blocks = re.findall(r'<div class="highlight"><pre><code>(.*?)</code>', page, re.DOTALL)
        shown = [html.unescape(re.sub(r"<[^>]+>", "", block)).strip("\n") for block in blocks]
        assert shown == [cell.source for cell in read(file, BOOK).cells]


def test_downloads_are_the_files_themselves(site: Path) -> None:
    for file in BOOK.snippet_files():
        assert (site / BOOK.relative(file)).read_bytes() == file.read_bytes()
        record = BOOK.record_file(file)
        copy = site / "lab" / file.relative_to(BOOK.snippets).with_suffix("") / record.name
        assert copy.read_bytes() == record.read_bytes()
    assert (site / "snippets/data/reviews.csv").exists()


LARGE = {
    "what-is-training/": 340_000,
    "use-before-you-train/": 620_000,
    "real-world-examples/": 130_000,
    "training-considerations/": 145_000,
    "inference-considerations/": 330_000,
    "builders-lens/": 225_000,
    "lab/": 105_000,
    "lab/builders_lens/many_rows/": 85_000,
    "lab/builders_lens/rows_per_second/": 102_000,
    "lab/use_before_you_train/should_i_train/": 100_000,
    "lab/what_is_training/compare/": 82_000,
    "lab/use_before_you_train/train_whisper/": 110_000,
    "lab/use_before_you_train/train_voice/": 115_000,
}
"""Bytes of the pages that show many snippets in full, where the usual budget does not hold."""


SENT = {"use-before-you-train/": 90_000, "inference-considerations/": 95_000, "lab/": 90_000}
"""Bytes, compressed, of the page that holds a figure of each family and how each was trained, of the one with
a picture of each measurement, and of the gallery, which holds a picture of each snippet."""


def test_html_stays_small(site: Path) -> None:
    over = []
    for page, text in documents(site).items():
        # The styles are the same in all of them; what a page weighs with them, test_styles.py says.
        text, styles = re.subn(r"<style>.*?</style>", "", text, count=1, flags=re.DOTALL)
        assert styles == 1
        figures = re.findall(r"<svg (?:role|fill).*?</svg>|data:image[^\"]+", text, re.DOTALL)
        size = len(text.encode()) - sum(map(len, figures))
        usual = 80_000 if page.startswith("lab/") else 120_000
        if size >= LARGE.get(page, usual):
            over.append(f"{page}: {size:,} bytes without its figures")
        sent = len(gzip.compress(text.encode()))
        limit = 40_000 if page.startswith("lab/") else 75_000
        limit = SENT.get(page, limit)
        if sent >= limit:
            over.append(f"{page}: {sent:,} bytes compressed, its figures included")
        assert "cdnjs" not in text and "<style" not in text
    assert over == []


def test_the_gallery_lists_every_snippet(site: Path) -> None:
    gallery = documents(site)["lab/"]
    assert gallery.count('<article class="card">') == len(BOOK.snippet_files())
    for file in BOOK.snippet_files():
        name = file.relative_to(BOOK.snippets).with_suffix("").as_posix()
        for link in (f"../lab/{name}/", f"../snippets/{name}.py", f"../lab/{name}/{file.stem}.ipynb"):
            assert f'href="{link}"' in gallery
    assert gallery.count("colab.research.google.com") == len(BOOK.snippet_files())


def test_search_finds_what_it_would_in_whole_pages(site: Path) -> None:
    """The plugin that makes the index is handed them without what it leaves out anyway."""
    text = (site / "search/search_index.json").read_text(encoding="utf-8")
    entries = {entry["location"]: entry["text"] for entry in json.loads(text)["docs"]}
    expected = {}
    for page in [page for page in PAGES if page.count("/") < 2]:
        whole = (site / page / "index.html").read_text(encoding="utf-8")
        parser = Parser()
        parser.feed(whole[whole.index('<article class="md-content__inner') : whole.rindex("</article>")])
        parser.close()
        for section in parser.data:
            if section.id and not section.is_excluded():
                place = page if section.el.tag == "h1" else f"{page}#{section.id}"
                expected[place] = "".join(section.text).strip()
    assert len(expected) > 50
    assert {place: entries.get(place) for place in expected} == expected


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_quiet_and_keep_to_themselves(page: str, address: str, chromium) -> None:
    """No console error, no request to anybody else, no sideways scrolling, in both schemes and widths."""
    for width, scheme in ((1280, "light"), (390, "dark")):
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.add_init_script(NO_SERVICE_WORKER)
        tab = context.new_page()
        said: list[str] = []
        tab.on("console", lambda message, said=said: said.append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error, said=said: said.append(str(error)))
        tab.on("requestfailed", lambda request, said=said: said.append(f"failed: {request.url}"))
        asked: list[str] = []
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.goto(address + page)
        tab.wait_for_load_state("networkidle")
        assert said == []
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
        assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert tab.locator("h1").count() == 1
        context.close()


SHIFTS = """window.moved = [];
new PerformanceObserver((list) => {
    for (const { sources } of list.getEntries()) {
        const inside = sources.map(({ node }) => node).filter((node) => node?.closest?.(".md-header"));
        moved.push(...inside.map((node) => node.outerHTML.slice(0, 200)));
    }
}).observe({ type: "layout-shift", buffered: true })"""


@pytest.mark.parametrize("width", [412, 1280])
def test_the_header_stands_still_while_a_page_arrives_on_a_slow_line(
    address: str, chromium, width: int
) -> None:
    moved = {}
    line = {"offline": False, "latency": 20, "downloadThroughput": 400_000, "uploadThroughput": 100_000}
    for page in PAGES[:5]:
        with visit(chromium, address, width) as reader:  # a new one, which has nothing of the last page
            reader.tab.add_init_script(SHIFTS)
            reader.tab.context.new_cdp_session(reader.tab).send("Network.emulateNetworkConditions", line)
            reader.tab.goto(address + page, wait_until="networkidle")
            reader.tab.evaluate(
                "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            if found := reader.tab.evaluate("moved"):
                moved[page] = found
    assert moved == {}


def test_buttons_copy_the_file_and_the_cell(address: str, chromium) -> None:
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(address + "what-is-inference/")
    block = tab.locator('[data-snippet="what_is_inference/frozen_weights.py"]')
    block.get_by_role("button", name="Copy the file").click()
    block.get_by_role("button", name="Copied").wait_for()
    snippet = read(BOOK.snippets / "what_is_inference/frozen_weights.py", BOOK)
    assert tab.evaluate("navigator.clipboard.readText()") == snippet.text
    block.locator("button.md-code__button, button.md-clipboard").first.click(force=True)
    tab.wait_for_timeout(200)
    assert tab.evaluate("navigator.clipboard.readText()").strip() == snippet.cells[0].source
    context.close()


def test_tabs_search_scheme_and_instant_navigation(address: str, chromium) -> None:
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(address + "what-is-inference/")
    tab.get_by_text("A summary", exact=True).click()
    assert tab.locator('[data-snippet="what_is_inference/summarise.py"]').is_visible()
    tab.locator('label[for="__palette_1"]:visible, label[title="Switch to light mode"]:visible').first.click()
    tab.locator(".md-search__input").click()
    tab.keyboard.type("frozen")
    tab.locator(".md-search-result__item").first.wait_for()
    tab.keyboard.press("Escape")
    tab.goto(address)
    tab.get_by_role("link", name="The four steps").click()
    tab.wait_for_url("**/what-is-training/")
    assert tab.get_by_role("heading", level=1).inner_text().startswith("9.1 What Is Training?")
    block = tab.locator('[data-snippet="what_is_training/four_steps.py"]')
    assert block.locator("svg[role=img]").get_attribute("aria-label").startswith("Line chart")
    context.close()


def test_the_authors_words_stay() -> None:
    """Titles, tables, lists, questions and quotations of the chapter, as its author wrote them."""
    kept = (ROOT / "tests" / "authors_words.txt").read_text(encoding="utf-8").splitlines()
    text = "\n".join(page.read_text(encoding="utf-8") for page in BOOK.docs.glob("*.md"))
    everything = re.sub(r"\s+", " ", text)
    missing = [line for line in kept if re.sub(r"\s+", " ", line).strip(" #>*") not in everything]
    assert missing == []


def test_abbreviations_have_tooltips_and_glossary_entries(site: Path) -> None:
    listed = re.findall(r"^\*\[([^\]]+)\]:", (ROOT / "includes/abbreviations.md").read_text(), re.MULTILINE)
    glossary = (ROOT / "docs/glossary.md").read_text()
    for name in listed:
        assert re.search(rf"^{re.escape(name)}\b", glossary, re.MULTILINE), f"{name} is not in the glossary"
    assert '<abbr title="' in documents(site)["training-considerations/"]


def test_the_printed_page_shows_every_tab(address: str, chromium) -> None:
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(address + "what-is-inference/")
    tab.emulate_media(media="print")
    for name in ("classify_text", "embed_and_search", "summarise"):
        assert tab.locator(f'[data-snippet="what_is_inference/{name}.py"]').is_visible()
    context.close()
