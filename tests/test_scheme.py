"""Light and dark: as the system asks from the first moment, as the reader chose from then on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.live import visit

pytestmark = pytest.mark.xdist_group("site")
PAPER = {"light": "rgb(253, 252, 250)", "dark": "rgb(20, 24, 30)"}
FRAME = {"light": "#1d2733", "dark": "#0f1318"}


@contextmanager
def opened(chromium: Any, address: str, **options: Any) -> Iterator[Any]:
    with visit(chromium, address, **options) as reader:
        reader.tab.goto(address + "what-is-inference/")
        yield reader.tab
        assert [said for said in reader.said if "ERR_FAILED" not in said] == []


def paper(tab: Any) -> str:
    return str(tab.evaluate("getComputedStyle(document.body).backgroundColor"))


def frame(tab: Any) -> str:
    """What a phone's browser colours its own bars with."""
    return str(tab.evaluate("document.querySelector('meta[name=theme-color]').content"))


def system(tab: Any, scheme: str) -> None:
    """Another scheme from now on, and the page has been told."""
    tab.evaluate(
        "window.told = new Promise((done) => matchMedia('(prefers-color-scheme: dark)')"
        ".addEventListener('change', () => setTimeout(done), { once: true })); undefined"
    )
    tab.emulate_media(color_scheme=scheme)
    tab.evaluate("window.told")


def shown(tab: Any) -> list[str]:
    """What the switch offers."""
    signs = tab.locator(".md-header__option label:visible")
    return [str(signs.nth(n).get_attribute("for")) for n in range(signs.count())]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_systems_scheme_is_there_before_the_themes_script(
    address: str, chromium: Any, scheme: str
) -> None:
    with opened(chromium, address, scheme=scheme) as tab:
        tab.route("**/bundle.*.js", lambda route: route.abort())
        tab.reload()
        assert paper(tab) == PAPER[scheme]
        assert frame(tab) == FRAME[scheme]
        assert shown(tab) == ["__palette_1"]


def test_the_switch_goes_round_and_is_remembered(address: str, chromium: Any) -> None:
    with opened(chromium, address, scheme="dark") as tab:
        sign = tab.locator(".md-header__option label:visible")
        for expected, offered in (("light", "__palette_2"), ("dark", "__palette_0"), ("dark", "__palette_1")):
            sign.click()
            assert paper(tab) == PAPER[expected]
            assert frame(tab) == FRAME[expected]
            assert shown(tab) == [offered]
        sign.click()
        assert tab.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
        tab.reload()
        assert paper(tab) == PAPER["light"]
        assert shown(tab) == ["__palette_2"]
        tab.get_by_role("link", name="9.1 What Is Training?").first.click()
        tab.wait_for_url("**/what-is-training/")
        tab.get_by_role("heading", name="9.1 What Is Training?").wait_for()
        assert paper(tab) == PAPER["light"]
        assert frame(tab) == FRAME["light"]
        tab.locator(".md-header__option input:checked").focus()
        tab.keyboard.press("Enter")
        assert paper(tab) == PAPER["dark"]
        assert tab.evaluate("document.activeElement.id") == "__palette_2"


def test_the_page_follows_the_system_unless_the_reader_chose(address: str, chromium: Any) -> None:
    with opened(chromium, address, scheme="light") as tab:
        system(tab, "dark")
        assert paper(tab) == PAPER["dark"]
        tab.locator(".md-header__option label:visible").click()
        system(tab, "light")
        system(tab, "dark")
        assert paper(tab) == PAPER["light"]


def test_the_switch_works_where_nothing_can_be_kept(address: str, chromium: Any) -> None:
    """As with a full store: the switch turns the page, and the next page follows the system again."""
    with opened(chromium, address, scheme="light") as tab:
        tab.add_init_script("Storage.prototype.setItem = () => { throw new Error('full') }")
        tab.reload()
        for _ in range(2):
            tab.locator(".md-header__option label:visible").click()
        assert paper(tab) == PAPER["dark"]
        tab.reload()
        assert paper(tab) == PAPER["light"]


def test_without_scripts_there_is_no_switch(address: str, chromium: Any) -> None:
    with opened(chromium, address, java_script_enabled=False) as tab:
        assert tab.locator(".md-header__option").is_hidden()
        assert tab.locator("h1").is_visible()
