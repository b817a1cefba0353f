"""The styles that stand in each page: every rule that it can use, and few that it can't."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from tests.live import visit
from tests.test_site import PAGES
from toolkit.kept import Kept
from toolkit.styles import Known, inline, prune

pytestmark = pytest.mark.xdist_group("styles")

CHANGED = """async (addresses) => {
    // With the whole style sheets in place of what was chosen from them, does anything look different?
    const names = ["content", "display", "color", "backgroundColor", "font", "margin", "padding", "border",
        "position", "flex", "listStyle", "textDecoration", "maskImage", "overflow", "opacity"];
    const one = (each, part) => {
        const style = getComputedStyle(each, part);
        // Most elements have nothing drawn before or after them, and then no more is to be known of it.
        return part && style.content === "none" ? "" : names.map((name) => style[name]).join(";");
    };
    const seen = "*:not(style, script, link, .md-header__title *)"; // its title follows the reader
    const look = () => [...document.body.querySelectorAll(seen)].map((each) =>
        [each, one(each) + one(each, "::before") + one(each, "::after")]);
    const settled = () => new Promise((done) => setTimeout(done, 500));
    await settled();
    const before = look();
    const link = (href) => Object.assign(document.createElement("link"), { rel: "stylesheet", href });
    const links = addresses.map(link);
    const arrived = links.map((link) => new Promise((done) => link.addEventListener("load", done)));
    document.querySelector("head > style").replaceWith(...links);
    await Promise.all(arrived);
    await settled();
    const after = new Map(look());
    const different = before.filter(([each, was]) => after.get(each) !== was);
    return different.map(([each]) => each.outerHTML.slice(0, 200));
}"""


def test_rules_that_nothing_can_use_go() -> None:
    css = """
    .used, .unused .used { color: red }
    .unused > a { color: blue }
    @media print { .unused { color: red } .used:not(.unused) { color: #fff } }
    @media screen { .unused { color: red } }
    :is(.unused, p) { margin: 0 }
    [data-md-color-primary=teal] { --a: 1 }
    [data-md-color-switching] * { transition: none }
    [data-md-color-primary=custom] { --a: "}" }
    [dir=rtl] p { color: red }
    [dir=ltr] p { color: blue }
    .tabbed-set > :nth-child(2) ~ .tabbed-labels > :nth-child(2), .tabbed-set > :nth-child(3) { order: 1 }
    @keyframes turn { to { rotate: 1turn } }
    """
    kept = prune(css, Known(frozenset({"used", "custom", "ltr", "tabbed-set", "tabbed-labels"}), tabs=2))
    assert re.sub(r"\s+", "", kept) == (
        ".used{color:red}@mediaprint{.used:not(.unused){color:#fff}}:is(.unused,p){margin:0}"
        '[data-md-color-primary=custom]{--a:"}"}[dir=ltr]p{color:blue}'
        ".tabbed-set>:nth-child(2)~.tabbed-labels>:nth-child(2){order:1}"
        "@keyframesturn{to{rotate:1turn}}"
    )


def test_a_sheet_that_names_other_files_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "own.css").write_text("p { color: red }")
    (tmp_path / "far.css").write_text("p { background: url(picture.png) }")
    link = '<link rel="stylesheet" href="../{}.css">\n'
    page = tmp_path / "page" / "index.html"
    pages = {page: f"<head>{link.format('own')}{link.format('far')}{link.format('none')}</head><body></body>"}
    inline(pages, tmp_path, Kept())
    rest = link.format("far") + link.format("none")
    assert pages[page] == f"<head><style>p{{color: red}}</style>\n{rest}</head><body></body>"


@pytest.mark.parametrize("asked", [True, False])
def test_what_no_page_asks_the_theme_for_goes(tmp_path: Path, asked: bool) -> None:
    """Though the theme's script has a word for it."""
    sheets, scripts = tmp_path / "assets" / "stylesheets", tmp_path / "assets" / "javascripts"
    sheets.mkdir(parents=True)
    scripts.mkdir()
    (sheets / "main.css").write_text(".md-annotation { color: red } .md-tooltip2 { color: blue }")
    (scripts / "bundle.1.min.js").write_text('x("md-annotation__index md-annotation"); x("md-tooltip2")')
    page = tmp_path / "index.html"
    config = '"content.code.annotate"' if asked else ""
    pages = {page: f'<link rel="stylesheet" href="assets/stylesheets/main.css"><body>{config}</body>'}
    inline(pages, tmp_path, Kept())
    assert ("md-annotation" in pages[page]) is asked
    assert "md-tooltip2" in pages[page]


def test_a_motion_that_nothing_makes_goes(tmp_path: Path) -> None:
    motion = "@keyframes {} {{ from {{ rotate: 0turn }} to {{ rotate: 1turn }} }}"
    used = ".a { animation: 1s turn } .b { animation-name: stop }"
    css = "".join([*(motion.format(name) for name in ("turn", "stop", "turn-back")), used])
    (tmp_path / "own.css").write_text(css)
    page = tmp_path / "index.html"
    pages = {page: '<link rel="stylesheet" href="/own.css"><body></body>'}
    inline(pages, tmp_path, Kept())
    assert re.findall(r"@keyframes ([\w-]+)", pages[page]) == ["turn", "stop"]


def test_nothing_blocks_the_first_look(site: Path) -> None:
    for file in site.rglob("*.html"):
        html = file.read_text(encoding="utf-8")
        assert 'rel="stylesheet"' not in html, file
        assert not re.search(r'<script (?![^>]*(?:\bdefer\b|type="module"))[^>]*\bsrc=', html), file


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_a_page_looks_as_with_all_rules(
    address: str, site: Path, chromium: Any, width: int, scheme: str
) -> None:
    sheets = [
        next(site.glob(f"**/stylesheets/{name}.css")).relative_to(site).as_posix()
        for name in ("main.*", "palette.*", "book", "lab")
    ]
    changed = {}
    with visit(chromium, address, width, scheme, reduced_motion="reduce") as reader:
        for page in [*PAGES, "404.html"]:
            reader.tab.goto(address + page, wait_until="networkidle")
            if different := reader.tab.evaluate(CHANGED, [address + sheet for sheet in sheets]):
                changed[page] = different[:5]
    assert changed == {}


BUDGET = 200_000
"""Bytes of a page, with all that it loads before a demo is started, as a host compresses them."""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_keeps_its_budget(page: str, address: str, site: Path, chromium: Any) -> None:
    with visit(chromium, address, 412) as reader:
        reader.tab.goto(address + page, wait_until="networkidle")
        taken = {}
        for url in dict.fromkeys(reader.asked):
            path = url.removeprefix(address).partition("?")[0]
            if url.startswith(address):
                file = site / path / "index.html" if not path or path.endswith("/") else site / path
                data = file.read_bytes()
                packed = file.suffix in (".html", ".css", ".js", ".json", ".svg", ".xml")
                taken[path or "/"] = len(gzip.compress(data, 6)) if packed else len(data)
        total = sum(taken.values())
        print(f"{page or 'first page'}: {total / 1000:.0f} kB in {len(taken)} files")
        assert total <= BUDGET, dict(sorted(taken.items(), key=lambda each: -each[1])[:8])
