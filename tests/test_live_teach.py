"""`<teach-it>`: a reader's own classes, from the first example to a program on their own machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.live import HOSTILE, after, shown, visit
from toolkit import hub
from toolkit.book import Book

pytestmark = pytest.mark.xdist_group("live_teach")
NAME, PAGE = "teach-it", "what-is-training/"

CLASSES = {
    "garden": [
        "The roses need water twice a week.",
        "Cut the hedge before the birds nest.",
        "Tomatoes like the sunny wall.",
        "Rake the leaves off the lawn.",
        "Sow the carrots in April.",
        "The compost is ready to spread.",
    ],
    "music": [
        "The second violin came in late.",
        "She tunes the guitar by ear.",
        "A drum roll, then silence.",
        "The choir rehearses on Tuesdays.",
        "This song is in a minor key.",
        "He bought a new piano stool.",
    ],
}
TRIED = {
    "Plant the tulip bulbs deeper.": "garden",
    "The weeds are back between the beans.": "garden",
    "The orchestra played the finale again.": "music",
    "I forgot the words of the chorus.": "music",
}


def write(element, classes: dict[str, list[str]]) -> None:
    """Name the classes and fill in the examples; the sample's third class goes."""
    element.get_by_role("button", name="Remove").last.click()
    for index, (name, texts) in enumerate(classes.items()):
        group = element.get_by_role("group", name=f"Class {index + 1}")
        group.get_by_label("Name").fill(name)
        group.get_by_label("Examples").fill("\n".join(texts))


def train(element) -> None:
    button = element.get_by_role("button", name=re.compile(r"^Train( again)?$"))
    button.click()
    shown(element, re.compile("came out right|Too few examples")).wait_for()
    element.get_by_role("button", name="Train again", exact=True, disabled=False).wait_for()


def answer(element, text: str) -> tuple[str, list[float]]:
    """Type a text where a reader tests; returns the label and all probabilities."""
    does = """const field = [...root.querySelectorAll("textarea")].at(-1);
        field.value = given;
        field.dispatchEvent(new Event("input", { bubbles: true }));"""
    found = after(element, "live-answer", does, text)
    return found["label"], found["probabilities"]


def test_from_own_examples_to_a_program(address: str, chromium, tmp_path: Path) -> None:
    with visit(chromium, address) as reader:
        element = reader.start(NAME, PAGE)
        write(element, CLASSES)
        train(element)
        assert shown(element, "2 of 2 examples held back came out right").is_visible()
        assert shown(element, re.compile(r"\d+ ms for 12 sentences, no weight moved")).is_visible()
        assert shown(element, re.compile(r"[\d.]+ ms for 385 weights, \d+ steps")).is_visible()
        assert element.get_by_role("img", name=re.compile("the loss falls from 0.69 to 0.")).is_visible()
        page = {text: answer(element, text) for text in TRIED}
        assert {text: label for text, (label, _) in page.items()} == TRIED

        shown(element, "Take it with you").click()
        for button in ("Download head.json", "Download classify.py"):
            with reader.tab.expect_download() as download:
                element.get_by_role("button", name=button).click()
            download.value.save_as(tmp_path / download.value.suggested_filename)
        assert reader.quiet

    result = subprocess.run(
        [sys.executable, str(tmp_path / "classify.py"), *TRIED],
        env={**os.environ, **hub.environment(Book(ROOT))},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    for line in result.stdout.splitlines():
        label, chance, text = line.split("\t")
        assert label == page[text][0]
        assert abs(float(chance) - max(page[text][1])) < 0.05, "8 bit in the page, 32 in Python"
    assert len(result.stdout.splitlines()) == len(TRIED)


def test_correct_keep_import_erase(address: str, chromium, tmp_path: Path) -> None:
    with visit(chromium, address) as reader:
        element = reader.start(NAME, PAGE)
        write(element, CLASSES)
        train(element)
        odd = "The trumpet vine climbs the wall."
        label, before = answer(element, odd)
        other = next(name for name in CLASSES if name != label)
        element.get_by_label("The right class").select_option(other)
        element.get_by_role("button", name="Add as an example and train again").click()
        shown(element, re.compile("was then fitted on all 13")).wait_for()
        assert shown(element, "for 1 sentences, no weight moved").count() == 0, "it was read already"
        assert answer(element, odd + " ")[0] == other
        assert before != answer(element, odd)[1]

        shown(element, "Take it with you").click()
        with reader.tab.expect_download() as download:
            element.get_by_role("button", name="Download head.json").click()
        file = tmp_path / "head.json"
        download.value.save_as(file)
        wanted = answer(element, "A quiet evening.")

        reader.tab.reload()
        element = reader.start(NAME)
        assert element.get_by_role("group", name="Class 1").get_by_label("Name").input_value() == "garden"
        label, chances = answer(element, "A quiet evening.")
        assert label == wanted[0], "the head is there without training"
        assert chances == pytest.approx(wanted[1], abs=1e-6)

        shown(element, "Take it with you").click()
        element.get_by_role("button", name="Erase everything").click()
        assert reader.tab.evaluate("localStorage.getItem('teach-it')") is None
        assert element.get_by_label("Test it on a sentence of yours").is_hidden()
        element.locator("input[type=file]").set_input_files(file)
        shown(element, "head.json is in.").wait_for()
        assert answer(element, "A quiet evening.") == (label, chances)

        for content, said in (
            ("no json", "This file is not JSON"),
            ("{}", "This file holds no head"),
            ('{"format": "a head for sentence embeddings, 1"}', "This file is damaged"),
            (json.dumps({**json.loads(file.read_text()), "biases": [1, "x"]}), "This file is damaged"),
        ):
            element.locator("input[type=file]").set_input_files(
                {"name": "x.json", "mimeType": "application/json", "buffer": content.encode()}
            )
            shown(element, said).wait_for()
        assert answer(element, "A quiet evening. ")[0] == wanted[0], "a refused file changes nothing"
        assert reader.quiet


def test_hostile_examples_and_gaps(address: str, chromium) -> None:
    with visit(chromium, address, width=320, scheme="dark") as reader:
        element = reader.start(NAME, PAGE)
        write(element, {HOSTILE[0]: HOSTILE[:5], HOSTILE[3]: ["ordinary words", *HOSTILE[5:7]]})
        train(element)
        assert answer(element, "anything")[0] in (HOSTILE[0][:80].strip(), HOSTILE[3])
        assert reader.fits
        group = element.get_by_role("group", name="Class 2")
        for name, said in (("", "has no name"), (HOSTILE[0][:80], "Two classes are called")):
            group.get_by_label("Name").fill(name)
            element.get_by_role("button", name="Train again", exact=True).click()
            shown(element, said).wait_for()
        group.get_by_label("Name").fill("b")
        group.get_by_label("Examples").fill(" \n \n")
        element.get_by_role("button", name="Train again", exact=True).click()
        shown(element, "“b” has no example").wait_for()
        element.get_by_role("button", name="Remove").last.click()
        element.get_by_role("button", name="Train again", exact=True).click()
        shown(element, "Two classes are the least").wait_for()
        element.get_by_role("button", name="Add a class").click()
        assert (
            element.get_by_role("group", name="Class 2")
            .get_by_label("Name")
            .evaluate("field => field.getRootNode().activeElement === field")
        )
        assert reader.quiet
