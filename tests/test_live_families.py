"""The families of page 9.4, run in the page as a reader would run them and held against Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.live import HOSTILE, visit
from toolkit import hub
from toolkit.book import Book

pytestmark = pytest.mark.xdist_group("site")
PAGE = "use-before-you-train/"


def python(code: str, given: Any) -> Any:
    """What `code` prints as JSON, given `given`, where the embedded weights answer."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\ngiven = json.load(sys.stdin)\n{code}"],
        env={**os.environ, **hub.environment(Book(ROOT))},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def after(element: Any, event: str, does: str, given: Any = None) -> Any:
    """Run `does`, JavaScript over `root` and `given`; returns the detail of the next `event`."""
    return element.evaluate(
        """async (host, [event, does, given]) => {
            const told = new Promise(done => host.addEventListener(
                event, ({ detail }) => done(detail), { once: true }));
            new Function("root", "given", does)(host.shadowRoot, given);
            return JSON.parse(JSON.stringify(await told, (_, value) =>
                ArrayBuffer.isView(value) ? Array.from(value) : value));
        }""",
        [event, does, given],
    )


TYPE = """const field = root.querySelector("textarea");
field.value = given;
field.dispatchEvent(new Event("input", { bubbles: true }));"""
PRESS = 'root.querySelector("button.main").click();'


def fits(reader: Any) -> bool:
    return bool(reader.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


# The GPT

PROMPTS = [
    "Return a list of",
    "Raise an exception if",
    "If the file",
    "Return True if the",
    "Open the",
    "The following",
    "class",
    "This module provides",
    "a, b = f(x)\n\n    >>> ",
    "zzz qqq 12345",
    "Größe: 10 €, naïve 東京",
    "   indented text\twith\ttabs",
]

GPT = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
name = "openai-community/gpt2"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name)
found = []
for text in given:
    ids = tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        best = model(**ids).logits[0, -1].softmax(0).topk(10)
    written = model.generate(**ids, max_new_tokens=30, no_repeat_ngram_size=3, do_sample=False)[0].tolist()
    found.append({
        "ids": written, "text": tokenizer.decode(written, skip_special_tokens=True),
        "best": best.indices.tolist(), "probabilities": best.values.tolist(),
    })
print(json.dumps(found))
"""


def test_the_gpt_writes_as_python_does(address: str, chromium) -> None:
    wanted = python(GPT, PROMPTS)
    off = 0.0
    with visit(chromium, address, reduced_motion="reduce") as reader:
        element = reader.start("write-on", PAGE)
        for prompt, expected in zip(PROMPTS, wanted, strict=True):
            first = after(element, "live-answer", TYPE, prompt)
            found = {each["id"]: each["probability"] for each in first["candidates"]}
            for token, probability in zip(expected["best"], expected["probabilities"], strict=True):
                off = max(off, abs(found[token] - probability))
            done = after(element, "live-done", PRESS)
            assert done["ids"] == expected["ids"], prompt
            assert done["text"] == expected["text"]
        assert reader.quiet
    print(f"probabilities off by {off:.1e} at most")
    assert off < 1e-3


def test_the_recorded_texts_come_again(address: str, chromium) -> None:
    """What stands in the page as Python's output is what its demo writes."""
    with visit(chromium, address, reduced_motion="reduce") as reader:
        element = reader.start("write-on", PAGE)
        recorded = element.locator("[data-snippet] .out").first.inner_text()
        for prompt in PROMPTS[:3]:
            after(element, "live-answer", TYPE, prompt)
            text = after(element, "live-done", PRESS)["text"]
            said = " ".join(text.removeprefix(prompt).split())
            assert f"{prompt}\N{HORIZONTAL ELLIPSIS} {said}" in " ".join(recorded.split()).replace(
                "\N{HORIZONTAL ELLIPSIS}", "\N{HORIZONTAL ELLIPSIS} "
            ).replace("  ", " ")
        assert reader.quiet


def test_step_run_stop_choose_and_start_again(address: str, chromium) -> None:
    with visit(chromium, address, width=390) as reader:
        element = reader.start("write-on", PAGE)
        promised = re.search(r"write-on|docstring-gpt-weights", " ".join(reader.asked))
        assert promised and reader.asked_for("onnxruntime") == []
        begun = after(element, "live-answer", TYPE, "Return a")["ids"]
        one = after(
            element,
            "live-done",
            "[...root.querySelectorAll('button')].find(b => b.textContent === 'Step').click();",
        )
        assert len(one["ids"]) == len(begun) + 1
        assert element.locator("mark").inner_text() != ""
        # The reader's own choice, by keyboard.
        other = element.get_by_role("group", name="The likeliest next tokens").get_by_role("button").nth(3)
        word = other.inner_text()
        other.focus()
        reader.tab.keyboard.press("Enter")
        element.locator("mark", has_text=json.loads(word).strip()).wait_for()
        # A run that is stopped has written a part.
        element.get_by_role("button", name="Write 30 tokens").click()
        stop = element.get_by_role("button", name="Stop")
        reader.tab.wait_for_function(
            "[...document.querySelector('write-on').shadowRoot.querySelectorAll('button')]"
            ".some(b => b.textContent === 'Stop' && !b.disabled)"
        )
        stopped = after(
            element,
            "live-done",
            "[...root.querySelectorAll('button')].find(b => b.textContent === 'Stop').click();",
        )
        assert len(stopped["ids"]) < len(begun) + 32
        assert stop.is_disabled()
        again = after(
            element,
            "live-answer",
            "[...root.querySelectorAll('button')].find(b => b.textContent === 'Start again').click();",
        )
        assert again["ids"] == begun
        assert fits(reader)
        assert reader.quiet


def test_temperature_flattens_the_bars_and_draws(address: str, chromium) -> None:
    heat = """const slider = root.querySelector("input[type=range]");
    slider.value = given;
    slider.dispatchEvent(new Event("input", { bubbles: true }));"""
    with visit(chromium, address, reduced_motion="reduce") as reader:
        element = reader.start("write-on", PAGE)
        after(element, "live-answer", TYPE, "Return a new")
        tops = [
            after(element, "live-answer", heat, degree)["candidates"][0]["probability"]
            for degree in (0.2, 1, 2)
        ]
        assert tops == sorted(tops, reverse=True)
        assert tops[0] > tops[2] + 0.05
        drawn = set()
        for _ in range(4):
            after(element, "live-answer", TYPE, "Return a new")
            drawn.add(after(element, "live-done", PRESS)["text"])
        assert len(drawn) > 1
        # Four runs of thirty fill the places, and that is said.
        after(element, "live-answer", TYPE, "word " * 300)
        element.get_by_text("The model sees 128 tokens at most").wait_for()
        after(element, "live-done", PRESS)
        element.get_by_text(
            re.compile("All 128 places of the model are taken|has ended its text")
        ).first.wait_for()
        assert reader.quiet


def test_whatever_is_begun_is_text(address: str, chromium) -> None:
    with visit(chromium, address, width=320, scheme="dark", reduced_motion="reduce") as reader:
        element = reader.start("write-on", PAGE)
        pictures = element.locator("[data-snippet] img").count()
        for text in HOSTILE:
            after(element, "live-answer", TYPE, text)
            done = after(element, "live-done", PRESS)
            assert len(done["ids"]) >= 1
            assert element.locator("img, script").count() == pictures
            assert fits(reader)
        assert element.get_by_role("alert").all_inner_texts() == [""]
        assert reader.quiet
