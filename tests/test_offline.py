"""After a first visit the chapter opens without a network, its demos included that were started before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.live import visit
from tests.test_site import PAGES
from toolkit import browser
from toolkit.kept import Kept
from toolkit.publish import publish

pytestmark = pytest.mark.xdist_group("offline")
CHAPTER = [page for page in PAGES if not page.startswith("lab/")]
KEPT = """async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise(done => setTimeout(done, 50));
    return (await caches.keys()).filter(name => name.startsWith("chapter-"));
}"""


def test_the_chapter_without_a_network(site: Path, chromium: Any) -> None:
    serving = browser.serve(site)
    address = serving.__enter__()
    with visit(chromium, address, keeps=True) as reader:
        reader.start("live-classifier", "what-is-inference/")
        assert len(reader.tab.evaluate(KEPT)) == 1
        assert reader.quiet
        serving.__exit__(None, None, None)
        for page in CHAPTER:
            reader.tab.goto(address + page)
            assert reader.tab.locator("h1").first.is_visible()
            broken = "() => [...document.images].filter(each => each.complete && !each.naturalWidth).length"
            assert reader.tab.evaluate(broken) == 0
            style = "() => getComputedStyle(document.querySelector('.md-header')).position"
            assert reader.tab.evaluate(style) == "sticky"
        # Its model was kept when its button was pressed.
        element = reader.start("live-classifier", "what-is-inference/")
        field = element.locator("textarea")
        field.fill("I would buy it again.")
        element.get_by_text("POSITIVE").first.wait_for()
        # A model that was not: one sentence, and the button again.
        element = reader.demo("write-on", "use-before-you-train/")
        element.locator("button.main").click()
        element.get_by_role("alert").filter(has_text="could not be fetched").wait_for()
        # A page outside the chapter says what it needs.
        reader.tab.goto(address + "lab/what_is_training/compare/")
        assert reader.tab.locator("h1").inner_text() == "No network"
        reader.tab.get_by_role("link", name="Go to the start of the chapter.").click()
        reader.tab.wait_for_url(address)


def test_a_new_version_takes_over(site: Path, chromium: Any, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    with browser.serve(copy) as address, visit(chromium, address, keeps=True) as reader:
        reader.tab.goto(address)
        before = reader.tab.evaluate(KEPT)
        page = copy / "summary" / "index.html"
        page.write_text(page.read_text().replace("</h1>", " in its second edition</h1>", 1))
        worker = copy / "service-worker.js"
        worker.write_text(worker.read_text().replace('{"version": "', '{"version": "2', 1))
        reader.tab.goto(address + "summary/")
        assert "in its second edition" in reader.tab.locator("h1").first.inner_text(), (
            "at once, with a network"
        )
        after = f"""async before => {{
            while ((await caches.keys()).includes(before)) await new Promise(done => setTimeout(done, 50));
            return ({KEPT})();
        }}"""
        assert reader.tab.evaluate(after, before[0]) != before
        assert reader.quiet


def test_who_saves_data_keeps_nothing_unasked(address: str, chromium: Any) -> None:
    with visit(chromium, address, keeps=True) as reader:
        saving = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } });"
        reader.tab.add_init_script(saving)
        reader.tab.goto(address, wait_until="networkidle")
        assert reader.tab.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0


def test_what_is_kept_is_the_chapter_and_no_model(site: Path) -> None:
    text = (site / "service-worker.js").read_text()
    assert '"what-is-training/"' in text
    assert ".bin" not in text.split(";\n")[0]
    assert ".ipynb" not in text.split(";\n")[0]


def test_any_change_is_another_version(tmp_path: Path) -> None:
    worker = tmp_path / "worker.js"
    worker.write_text("// work")
    versions = []
    for content in ("one", "two"):
        site = tmp_path / content
        (site / "assets").mkdir(parents=True)
        (site / "search").mkdir()
        (site / "search" / "search_index.json").write_text("{}")
        (site / "assets" / "a.svg").write_text(content)
        html = '<html><head><meta charset="utf-8"></head><body><img src="assets/a.svg"></body></html>'
        (site / "index.html").write_text(html)
        publish(site, [""], worker, Kept())
        versions.append((site / "service-worker.js").read_text().split('"')[3])
    assert versions[0] != versions[1]
