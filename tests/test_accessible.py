"""axe-core finds nothing on any page, in both schemes, narrow and wide, with every demo open."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.live import PATIENCE, visit
from tests.test_site import PAGES

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = """async ([where, contrast]) => {
    const rules = contrast === "only" ? ["color-contrast"] : RULES;
    const options = { runOnly: rules, resultTypes: ["violations"] };
    if (contrast === "no") options.rules = { "color-contrast": { enabled: false } };
    if (contrast === "only") {
        // It takes nearly all of the time, element by element. Of words in code that look alike one is
        // enough, and nothing is computed for what a figure draws.
        const known = new Set();
        const alike = [...document.querySelectorAll(".highlight code span")].filter((each) => {
            const ground = getComputedStyle(each.closest("code")).backgroundColor;
            const look = getComputedStyle(each).color + ground;
            return known.has(look) || !known.add(look);
        });
        for (const each of alike) each.replaceWith(each.textContent);
        for (const each of document.querySelectorAll("svg")) each.replaceChildren();
    }
    const found = await axe.run(where, options);
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
        `${id}: ${target.flat().join(" ")}: ${failureSummary}`));
}""".replace("RULES", json.dumps(RULES))


def violations(tab: Any, contrast: str = "too", where: str = "html") -> list[str]:
    """A sentence for each element within `where` that axe has something to say about; contrast `only`, `no`
    or `too`.
    """
    if not tab.evaluate("() => 'axe' in window"):
        tab.evaluate(AXE.read_text(encoding="utf-8"))
    for _ in range(5):
        found = tab.evaluate(CHECK, [where, contrast])
        if not found:
            break
        tab.wait_for_timeout(1000)  # what the theme's script draws may come late on a busy machine
    return found


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1920, "dark")])
def test_no_violation_on_any_page(address: str, chromium: Any, width: int, scheme: str) -> None:
    found = {}
    with visit(chromium, address, width, scheme, reduced_motion="reduce") as reader:
        for page in [*PAGES, "404.html"]:
            reader.tab.goto(address + page, wait_until="networkidle")
            # What unfolds is part of the page.
            reader.tab.evaluate(
                "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"
            )
            reader.tab.keyboard.press("Shift")  # scripts wait for the first sign of a reader
            broken = violations(reader.tab, "no") + violations(reader.tab, "only")
            if not reader.fits:
                broken.append("is wider than the window")
            if broken:
                found[page] = broken
        assert (found, reader.said) == ({}, [])


def test_code_stays_scrollable_by_keys_when_the_theme_says_no(address: str, chromium: Any) -> None:
    """Where nothing can hover, its script takes every `tabindex` of code away, early or late."""
    with visit(chromium, address, 320, has_touch=True, is_mobile=True) as reader:
        reader.tab.goto(address + "training-considerations/", wait_until="networkidle")
        assert not reader.tab.evaluate("() => matchMedia('(hover)').matches")
        reader.tab.keyboard.press("Shift")
        code = reader.tab.locator("article > .highlight > pre > code[tabindex='0']").first
        code.wait_for()
        code.evaluate("code => { window.code = code; code.removeAttribute('tabindex'); }")
        reader.tab.wait_for_function("() => window.code.tabIndex === 0", timeout=PATIENCE)


DEMOS = {
    "what-is-inference/": ["live-classifier"],
    "what-is-training/": ["teach-it", "forge-it"],
    "use-before-you-train/": ["write-on", "denoise-it", "describe-it", "say-it"],
    "inference-considerations/": ["quantise-it"],
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation_with_every_demo_open(address: str, chromium: Any, scheme: str) -> None:
    found = {}
    with visit(chromium, address, 320, scheme, reduced_motion="reduce") as reader:
        for page, names in DEMOS.items():
            for name in names:
                reader.start(name, page if name == names[0] else "")
            # The pages around them are looked at above.
            broken = [line for name in names for line in violations(reader.tab, where=name)]
            if not reader.fits:
                broken.append("is wider than the window")
            if broken:
                found[page] = broken
    assert found == {}


@pytest.mark.parametrize("page", PAGES[:10])
def test_headings_go_in_order(page: str, address: str, chromium: Any) -> None:
    with visit(chromium, address) as reader:
        reader.tab.goto(address + page)
        levels = reader.tab.locator("article :is(h1, h2, h3, h4, h5, h6)").evaluate_all(
            "all => all.map(each => Number(each.tagName[1]))"
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@pytest.mark.parametrize("page", PAGES[:10])
def test_large_text_and_forced_colours_lose_nothing(page: str, address: str, chromium: Any) -> None:
    """200 % zoom of a window of 1280 px is a window of 640 px with everything twice as large."""
    with visit(chromium, address, 640, device_scale_factor=2, forced_colors="active") as reader:
        reader.tab.goto(address + page, wait_until="networkidle")
        assert reader.fits
        hidden = """() => [...document.querySelectorAll("article :is(img, svg, button)")].filter(each => {
            const style = getComputedStyle(each);
            return style.visibility === "hidden" || style.opacity === "0";
        }).length"""
        assert reader.tab.evaluate(hidden) == 0
