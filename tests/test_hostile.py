"""What comes from outside the page, by its address or from an earlier visit, is text or nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.live import visit

pytestmark = pytest.mark.xdist_group("hostile")

MARKUP = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
ADDRESSES = [
    "?q=" + quote(MARKUP),
    "?h=" + quote(MARKUP),
    "?h=" + quote(".*[(\\"),
    "?q=" + "%F0%9F%92%A9" * 500,
    "?__proto__[x]=1&constructor=2&%00",
    "#" + quote(MARKUP),
    "#" + MARKUP,
    "#:~:text=" + quote(MARKUP),
    "#__proto__",
    "#" + "a" * 5000,
    "#'\"]`${1}",
]
KEPT = [
    "",
    "null",
    "{",
    "[]",
    '"text"',
    "1e999",
    "\x00\u202e",
    json.dumps({"__proto__": {"x": 1}, "constructor": 3, MARKUP: 1}),
    json.dumps({"format": MARKUP, "examples": MARKUP, "labels": [MARKUP]}),
    "[" * 50_000,
]


@pytest.mark.parametrize("page", ["", "what-is-inference/", "use-before-you-train/", "summary/"])
def test_whatever_the_address_says_the_page_is_the_page(page: str, address: str, chromium: Any) -> None:
    with visit(chromium, address) as reader:
        for end in ADDRESSES:
            reader.tab.goto("about:blank")
            reader.tab.goto(address + page + end, wait_until="networkidle")
            assert reader.tab.locator("h1").first.is_visible(), end
            # A fragment that no link made may be no encoded text, and the theme says so; nothing else does.
            said = [line for line in reader.said if "URI malformed" not in line]
            assert said == [], end
            reader.said.clear()
        assert reader.quiet


def test_whatever_an_earlier_visit_has_left_in_the_quiz(address: str, chromium: Any) -> None:
    with visit(chromium, address) as reader:
        reader.tab.goto(address)
        for kept in KEPT:
            reader.tab.evaluate("kept => localStorage.setItem('book-quiz', kept)", kept)
            element = reader.demo("quiz-set", "summary/")
            element.get_by_text("0 of ").first.wait_for()
            element.locator("button.option").first.click()
            element.get_by_text("1 of ").first.wait_for()
        assert reader.quiet


def test_whatever_an_earlier_visit_has_left_of_a_lesson(address: str, chromium: Any) -> None:
    with visit(chromium, address) as reader:
        reader.tab.goto(address)
        for kept in KEPT[::3]:  # each loads the model
            reader.tab.evaluate("kept => localStorage.setItem('teach-it', kept)", kept)
            element = reader.start("teach-it", "what-is-training/")
            assert element.locator("textarea").count() >= 2, kept[:80]
        assert reader.quiet
