"""`<forge-it>` and `<quantise-it>`: a network that trains, and one that loses bits, while a reader looks."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.live import after, shown, visit
from toolkit import export

pytestmark = pytest.mark.xdist_group("live_digits")


def press(name: str) -> str:
    return (
        f"[...host.shadowRoot.querySelectorAll('button')].find(each => each.textContent === '{name}').click()"
    )


def step_of(element) -> int:
    return int(re.search(r"Step (\d+)", shown(element, re.compile(r"^Step \d+")).inner_text())[1])


def test_random_weights_learn_to_read(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.start("forge-it", "what-is-training/")
        assert reader.asked_for("minilm") == reader.asked_for("onnxruntime") == [], "no WebAssembly is needed"
        assert step_of(element) == 0
        one = after(element, "live-step", press("One step"))
        assert one["step"] == 1
        assert one["accuracy"] < 0.5
        element.get_by_role("button", name="Train", exact=True).or_(
            element.get_by_role("button", name="Train on")
        ).click()
        element.get_by_role("button", name="Pause").wait_for()
        reader.tab.wait_for_function(
            "() => document.querySelector('forge-it').shadowRoot.textContent.match(/Step (\\d+)/)[1] > 60"
        )
        element.get_by_role("button", name="Pause").click()
        paused = step_of(element)
        reader.tab.wait_for_timeout(1500)
        assert step_of(element) <= paused + 2, "paused"
        later = after(element, "live-step", press("One step"))
        assert later["accuracy"] > 0.85
        assert later["loss"] < one["loss"] / 2
        again = after(element, "live-step", press("New random weights"))
        assert again["step"] == 0
        assert again["accuracy"] < 0.4
        assert reader.quiet


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_a_drawn_seven_is_read_and_learnt(address: str, chromium, width: int, scheme: str) -> None:
    with visit(chromium, address, width=width, scheme=scheme) as reader:
        element = reader.start("forge-it", "what-is-training/")
        field = element.get_by_role("img", name="Draw a digit here")
        field.scroll_into_view_if_needed()
        box, mouse = field.bounding_box(), reader.tab.mouse
        corners = ((50, 40), (115, 40), (75, 140))
        mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
        mouse.down()
        for x, y in corners[1:]:
            mouse.move(box["x"] + x, box["y"] + y, steps=6)
        mouse.up()
        reader.tab.wait_for_timeout(500)
        said = after(element, "live-step", press("One step"))
        assert said["step"] == 1
        answers = after(element, "live-answer", press("One step"))
        assert int(np.argmax(answers["trained"])) == 7
        element.get_by_label("The digit that you drew").select_option("7")
        element.get_by_role("button", name="Let my network learn it").click()
        shown(element, "One drawing of yours among the images now").wait_for()
        for _ in range(25):
            answers = after(element, "live-answer", press("One step"))
        assert int(np.argmax(answers["yours"])) == 7
        assert reader.fits
        element.get_by_role("button", name="Take a test image").click()
        shown(element, re.compile(r"A test image of a \d, which neither")).wait_for()
        element.get_by_role("button", name="Clear").click()
        assert reader.quiet


def test_the_ladder_by_keyboard(address: str, chromium) -> None:
    """Sizes and accuracies are those that Python finds for the same weights."""
    x, y, x_test, y_test = export.digits()
    exact = export.forge(x / 16, y)

    def right(bits: int) -> int:
        if bits < 16:
            scales = [np.abs(w).max() / (2 ** (bits - 1) - 1) for w in exact]
            weights = [np.rint(w / s) * s for w, s in zip(exact, scales, strict=True)]
        else:
            weights = [w.astype("float16").astype("float32") if bits == 16 else w for w in exact]
        w1, b1, w2, b2 = weights
        return int(((np.maximum(x_test / 16 @ w1.T + b1, 0) @ w2.T + b2).argmax(1) == y_test).sum())

    with visit(chromium, address, width=390, scheme="dark") as reader:
        element = reader.start("quantise-it", "inference-considerations/")
        slider = element.get_by_label("Bits for each weight")
        slider.focus()
        found = {}
        for bits in (16, 8, 6, 5, 4, 3, 2):
            slider.press("ArrowRight")
            shown(element, re.compile(f"^{bits} bit: ")).wait_for()
            assert slider.get_attribute("aria-valuetext") == f"{bits} bits"
            said = shown(element, re.compile(f"^{bits} bit: ")).first.inner_text()
            found[bits] = int(re.search(r"(\d+) of 360", said)[1])
        for bits, count in found.items():
            assert abs(count - right(bits)) <= 1, f"{bits} bits"
        assert found[8] >= 340 > found[3] + 20 > found[2] + 100, "a plain, then the cliff"
        assert element.get_by_role("row").count() == 9
        assert element.locator("[data-snippet]").is_visible()
        assert reader.quiet
