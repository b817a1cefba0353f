"""The content security policy: in every page, without a hole, and the site works under it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.live import visit

pytestmark = pytest.mark.xdist_group("policy")


def rule(html: str) -> str:
    found = re.findall(r'<meta http-equiv="content-security-policy" content="([^"]+)">', html)
    assert len(found) == 1
    return found[0]


def test_every_page_has_the_same_strict_policy(site: Path) -> None:
    pages = [file.read_text(encoding="utf-8") for file in site.rglob("*.html")]
    assert len({rule(page) for page in pages}) == 1
    parts = dict(part.split(" ", 1) for part in rule(pages[0]).split("; "))
    assert parts["default-src"] == "'self'"
    assert parts["object-src"] == "'none'"
    assert "unsafe-inline" not in parts["script-src"]
    assert "unsafe-eval" not in parts["script-src"].replace("'wasm-unsafe-eval'", "")
    assert not re.search(r"https?:|\*", rule(pages[0]))
    for page in pages:
        before = page.partition('http-equiv="content-security-policy"')[0]
        assert "<script" not in before, "what stands before the policy is not bound by it"
        assert not re.search(r"<[^>]+\son[a-z]+=", page), "an event handler in the markup would not run"
        assert 'href="javascript:' not in page


def test_an_inline_script_of_anybody_else_does_not_run(address: str, chromium: Any) -> None:
    with visit(chromium, address, keeps=True) as reader:
        reader.tab.goto(address)
        reader.tab.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "document.title = 'hacked'";
                document.body.append(script);
                const image = document.createElement("img");
                image.src = "data:,";
                image.setAttribute("onerror", "document.title = 'hacked'");
                document.body.append(image);
            }"""
        )
        reader.tab.wait_for_timeout(300)
        assert reader.tab.title() != "hacked"
        assert any("Content Security Policy" in said for said in reader.said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_run_under_it_and_by_instant_navigation(address: str, chromium: Any, scheme: str) -> None:
    with visit(chromium, address, scheme=scheme, keeps=True) as reader:
        reader.tab.goto(address)
        for name in ("9.2", "9.4", "Lab", "9.6"):
            reader.tab.locator(".md-nav--primary").get_by_role("link", name=name).first.click()
            reader.tab.wait_for_load_state("networkidle")
        reader.tab.get_by_role("button", name="Search", exact=True).or_(
            reader.tab.get_by_label("Search", exact=True)
        ).first.click()
        reader.tab.keyboard.type("training")
        reader.tab.locator(".md-search-result__item").first.wait_for()
        assert reader.quiet
