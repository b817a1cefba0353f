"""Every page and every demo by keyboard alone: all is reached, all shows the focus, nothing keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import PATIENCE, visit
from tests.test_accessible import DEMOS
from tests.test_site import PAGES

NUMBER = """() => {
    // Mark what a pointer can press, in the page and in what its elements draw.
    const all = [];
    const look = (root) => {
        for (const each of root.querySelectorAll("*")) {
            if (each.matches("a[href], button, input, select, textarea, summary, audio")) all.push(each);
            if (each.shadowRoot) look(each.shadowRoot);
        }
    };
    look(document);
    const can = (each) => each.tabIndex >= 0 && !each.disabled && each.getClientRects().length > 0
        && each.checkVisibility({ visibilityProperty: true })
        && !each.closest("[hidden], [inert], [aria-hidden=true]");
    const stops = {};
    window.marked = {};
    for (const each of all.filter(can)) {
        // Radio buttons of one name are one stop, and arrows move between them.
        each.dataset.stop = each.type === "radio" ? each.name : String(all.indexOf(each));
        stops[each.dataset.stop] = each.outerHTML.slice(0, 120);
        window.marked[each.dataset.stop] = each;
    }
    return stops;
}"""
WALK = """() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    if (!active || active === document.body || active === document.documentElement) return null;
    const box = active.getBoundingClientRect();
    const outlined = (each) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each);
        return outlineStyle !== "none" && parseFloat(outlineWidth) > 0 || boxShadow !== "none";
    };
    return {
        stop: active.dataset.stop,
        // The theme draws it around a label; of a player the browser draws it around its own buttons.
        shown: active.localName === "audio" || [active, active.labels?.[0], active.parentElement,
            active.nextElementSibling, active.parentElement?.querySelector(".tabbed-labels")]
            .some((each) => each && outlined(each)),
        seen: box.bottom > 0 && box.top < innerHeight,
        html: active.outerHTML.slice(0, 120),
    };
}"""


def tab_through(tab: Any, most: int = 900) -> list[dict[str, Any]]:
    """What has the focus, Tab by Tab, until it leaves the page."""
    walked: list[dict[str, Any]] = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        now = tab.evaluate(WALK)
        if now is None:
            return walked
        walked.append(now)
    raise AssertionError(f"after {most} presses the focus is still at {walked[-1]['html']}")


@pytest.mark.parametrize("page", PAGES[:10])
def test_all_that_a_pointer_can_press_is_reached_by_tab(page: str, address: str, chromium: Any) -> None:
    with visit(chromium, address, reduced_motion="reduce") as reader:
        reader.tab.goto(address + page, wait_until="networkidle")
        stops = reader.tab.evaluate(NUMBER)
        walked = tab_through(reader.tab)
        reached = {each["stop"] for each in walked}
        # A calculator takes the place of what stands there without scripts when it comes into view.
        there = reader.tab.evaluate(
            "() => Object.keys(marked).filter((stop) => marked[stop].getClientRects().length > 0)"
        )
        assert [stops[stop] for stop in there if stop not in reached] == []
        assert [each["html"] for each in walked if not each["shown"]] == []
        assert [each["html"] for each in walked if not each["seen"]] == []


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, names in DEMOS.items() for name in names])
def test_a_demo_is_started_and_left_by_keyboard(page: str, name: str, address: str, chromium: Any) -> None:
    with visit(chromium, address, reduced_motion="reduce") as reader:
        element = reader.demo(name, page)
        element.locator("button.main").first.focus()
        reader.tab.keyboard.press("Enter")
        element.locator("progress[aria-label=Download]").wait_for(state="detached", timeout=PATIENCE)
        assert element.evaluate("host => host.shadowRoot.activeElement !== null"), "it kept the focus"
        stops = reader.tab.evaluate(NUMBER)
        own = element.evaluate(
            "host => [...host.shadowRoot.querySelectorAll('[data-stop]')].map(each => each.dataset.stop)"
        )
        assert own
        # From the demo's own start, through it, to the end of the page.
        element.evaluate("host => { host.tabIndex = -1; host.focus(); host.removeAttribute('tabindex'); }")
        walked = tab_through(reader.tab)
        reached = {each["stop"] for each in walked}
        assert [stops[stop] for stop in own if stop not in reached] == []
        assert [each["html"] for each in walked if not each["shown"]] == []
        assert reader.quiet
