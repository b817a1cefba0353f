"""The whole chapter as one PDF: its built pages, joined and printed by Chromium.

`make site` does this where a Chromium is found. Sections keep their numbers, links between the pages
lead to the place in the file, and a reader's PDF program shows an outline.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

from toolkit import browser
from toolkit.book import BookError

NAME = "inference-vs-training.pdf"
MARK = "<!-- pdf -->"
"""Where the first page says that there is a PDF, if there is one."""
_JOINED = "print.html"
_ARTICLE = re.compile(r'<article class="md-content__inner[^>]*>(.*)</article>', re.DOTALL)
_STYLE = """
html, body { background: #fff }
.md-header, .md-sidebar, .md-footer, .md-top { display: none }
article + article { break-before: page }
"""


def write(site: Path, pages: Sequence[str]) -> Path:
    """Print `pages`, addresses below the root of a built site, into one file there.

    Raises BookError where there is no browser, or none that prints.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise BookError("playwright is not installed: `make browser` installs it") from None
    found = browser.find()
    if found is None:
        raise BookError("there is no Chromium to print with: `make browser` installs one")
    joined = site / _JOINED
    joined.write_text(join(site, pages), encoding="utf-8")
    target = site / NAME
    try:
        with browser.serve(site) as address, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=str(found), args=browser.ARGUMENTS)
            tab = chromium.new_page(color_scheme="light")
            tab.goto(address + _JOINED, wait_until="networkidle")
            # What unfolds on the page lies open on paper.
            tab.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")
            tab.evaluate(
                "() => Promise.all([...document.images].map(each => { each.loading = 'eager'; "
                "return each.decode().catch(() => 0); }))"
            )
            tab.pdf(
                path=str(target),
                format="A4",
                margin={"top": "18mm", "bottom": "20mm", "left": "16mm", "right": "16mm"},
                print_background=True,
                outline=True,
                tagged=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template='<div style="width:100%;text-align:center;font:8pt sans-serif">'
                '<span class="pageNumber"></span></div>',
            )
            chromium.close()
    except Error as error:
        raise BookError(f"the PDF can't be printed: {str(error).splitlines()[0]}") from None
    finally:
        joined.unlink()
    return target


def join(site: Path, pages: Sequence[str]) -> str:
    """One HTML page of the articles of many, with the head of the first."""
    first = (site / pages[0] / "index.html").read_text(encoding="utf-8")
    home = re.search(r'<link rel="canonical" href="([^"]+)"', first)
    articles = []
    for page in pages:
        html = (site / page / "index.html").read_text(encoding="utf-8")
        found = _ARTICLE.search(html)
        assert found, f"{page or 'index.html'} has no article"
        article = _moved(found[1], page, pages, home[1] if home else "")
        articles.append(
            f'<article class="md-content__inner md-typeset" id="{_place(page)}">{article}</article>'
        )
    head, _, _ = first.partition("<body")
    # Without its scripts nothing is asked, answered or loaded while it is printed.
    head = re.sub(r"<script\b.*?</script>", "", head, flags=re.DOTALL)
    body = f'<div class="md-content">{"".join(articles)}</div>'
    return f'{head}<style>{_STYLE}</style><body dir="ltr" data-md-color-scheme="default">{body}</body></html>'


def _place(page: str) -> str:
    return f"page-{page.strip('/').replace('/', '-') or 'start'}"


def _moved(html: str, page: str, pages: Sequence[str], home: str) -> str:
    """An article whose ids, links and pictures hold in the joined file; other pages are at `home`."""
    place = _place(page)
    html = re.sub(r"<script\b.*?</script>", "", html, flags=re.DOTALL)
    html = re.sub(r'\b(id|for|name|aria-labelledby)="([^"]+)"', rf'\1="{place}-\2"', html)
    html = re.sub(r"url\(#([^)]+)\)", rf"url(#{place}-\1)", html)

    def address(match: re.Match[str]) -> str:
        attribute, link = match[1], match[2]
        if link.startswith(("data:", "http:", "https:", "mailto:")):
            return match[0]
        path, _, fragment = link.partition("#")
        if not path:
            return f'{attribute}="#{place}-{fragment}"'
        target = urljoin("/" + page, path).lstrip("/")
        if target in pages:
            there = _place(target)
            return f'{attribute}="#{there}-{fragment}"' if fragment else f'{attribute}="#{there}"'
        return f'{attribute}="{home if attribute == "href" else ""}{target}"'

    return re.sub(r'\b(href|src|xlink:href)="([^"]*)"', address, html)
