"""The drawn scenes, and the two models that learnt from them: CLIP matches, BLIP captions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT, python
from toolkit.book import Book
from toolkit.snippets import read

BOOK = Book(ROOT)
TRAINERS = [ROOT / "snippets" / "use_before_you_train" / f"train_{name}.py" for name in ("clip", "blip")]
READERS = [
    ROOT / "snippets" / "use_before_you_train" / "match_images.py",
    ROOT / "snippets" / "what_is_inference" / "caption_image.py",
]

SEED = 20_261_124
"""No snippet draws with this seed, so no model has met these pictures."""


def cell(file: Any, title: str) -> str:
    found = read(file, BOOK).cell(title)
    assert found is not None, f"{file.name} has no cell `{title}`"
    return found.source


WORLD = cell(TRAINERS[0], "draw a scene") + "\n" + cell(TRAINERS[0], "keep some colours and shapes apart")

SCENES = f"""
import json
{WORLD}
random.seed({SEED})
groups = {{"seen": known, "unseen": [thing for thing in things if thing[1:3] in unseen]}}
odd = {{
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "one pixel wide": Image.new("RGB", (1, 700), "white"),
    "greyscale": draw("large", "black", "star", "in the middle").convert("L"),
    "palette": draw("large", "blue", "heart", "in the middle").convert("P"),
    "transparent": draw("large", "blue", "heart", "in the middle").convert("RGBA"),
    "huge": draw("large", "blue", "heart", "in the middle", side=3000),
}}
"""

CLIP = """
from transformers import pipeline
match = pipeline("zero-shot-image-classification", model="openai/clip-vit-base-patch32")
labels = [f"a {colour} {shape}" for colour in COLOURS for shape in SHAPES]
scores = {}
for name, group in groups.items():
    test = random.choices(group, k=150)
    pixels = match.image_processor([draw(*thing) for thing in test], return_tensors="pt")
    for form, template in {"": "This is a photo of {}.", " bare": "{}"}.items():
        texts = [template.format(label) for label in labels]
        tokens = match.tokenizer(texts, padding=True, return_tensors="pt")
        best = match.model(**tokens, **pixels).logits_per_image.argmax(1).tolist()
        right = sum(labels[i] == f"a {thing[1]} {thing[2]}" for i, thing in zip(best, test))
        scores[name + form] = right / len(test)

kinds = random.sample(known, 60)
kinds = [thing for i, thing in enumerate(kinds) if thing[:3] not in [other[:3] for other in kinds[:i]]]
tokens = match.tokenizer([f"a {' '.join(thing[:3])}" for thing in kinds], padding=True, return_tensors="pt")
pixels = match.image_processor([draw(*thing) for thing in kinds], return_tensors="pt")
found = match.model(**tokens, **pixels).logits_per_text.argmax(1).tolist()
scores["search"] = sum(place == number for number, place in enumerate(found)) / len(found)
shown = {name: match(picture, candidate_labels=labels) for name, picture in odd.items()}
print(json.dumps({"scores": scores, "odd": shown}))
"""

BLIP = """
from transformers import pipeline
describe = pipeline("image-text-to-text", model="Salesforce/blip-image-captioning-base")
def captions(pictures, prompt):
    answers = describe(pictures, text=[prompt] * len(pictures), max_new_tokens=20)
    return [answer["generated_text"] for answer in answers]
scores = {}
for name, group in groups.items():
    test = random.choices(group, k=120)
    pictures = [draw(*thing) for thing in test]
    for form, prompt, count in (("", "", 120), (" prompted", "a picture of", 40)):
        wanted = [f"{prompt} a {' '.join(thing)}".strip() for thing in test[:count]]
        said = captions(pictures[:count], prompt)
        scores[name + form] = sum(map(str.__eq__, said, wanted)) / count
shown = {name: describe(picture, text="", max_new_tokens=20) for name, picture in odd.items()}
one = describe(draw("large", "blue", "heart", "in the middle"), text="")  # no limit of one's own
print(json.dumps({"scores": scores, "odd": shown, "one": one}))
"""


def run(code: str) -> dict[str, Any]:
    found = python(SCENES + code)
    print(found["scores"])
    return found


@pytest.fixture(scope="module")
def clip() -> dict[str, Any]:
    return run(CLIP)


@pytest.fixture(scope="module")
def blip() -> dict[str, Any]:
    return run(BLIP)


def test_all_snippets_draw_alike() -> None:
    """Each stands alone, so each carries the cell; a change of one is a change of all."""
    assert len({cell(file, "draw a scene") for file in TRAINERS + READERS}) == 1


@pytest.mark.parametrize("file", TRAINERS, ids=lambda file: file.stem)
def test_some_pairs_are_held_back(file: Any) -> None:
    world: dict[str, Any] = {}
    exec(cell(file, "draw a scene") + "\n" + cell(file, "keep some colours and shapes apart"), world)
    learnt = {thing[1:3] for thing in world["known"]}
    assert not learnt & world["unseen"]
    assert {colour for colour, _ in world["unseen"]} == set(world["COLOURS"]), "one of each colour"
    assert {colour for colour, _ in learnt} == set(world["COLOURS"])
    assert {shape for _, shape in learnt} == set(world["SHAPES"])
    assert len(learnt) + len(world["unseen"]) == len(world["COLOURS"]) * len(world["SHAPES"])


def test_a_drawing_differs_each_time_and_repeats_with_its_seed() -> None:
    world: dict[str, Any] = {}
    exec(WORLD, world)
    draw: Callable[..., Any] = world["draw"]
    thing = ("small", "red", "heart", "on the left")
    world["random"].seed(3)
    first, second = draw(*thing).tobytes(), draw(*thing).tobytes()
    world["random"].seed(3)
    assert draw(*thing).tobytes() == first != second


@pytest.mark.parametrize(("score", "floor"), [("seen", 0.95), ("unseen", 0.85), ("search", 0.85)])
def test_clip_reaches_its_floor(clip: dict[str, Any], score: str, floor: float) -> None:
    """One label of 56 for pictures never drawn before; `unseen` are pairs that training never drew."""
    assert clip["scores"][score] >= floor


def test_clip_needs_no_template(clip: dict[str, Any]) -> None:
    assert clip["scores"]["seen bare"] >= 0.95 and clip["scores"]["unseen bare"] >= 0.85


@pytest.mark.parametrize(("score", "floor"), [("seen", 0.95), ("unseen", 0.80)])
def test_blip_reaches_its_floor(blip: dict[str, Any], score: str, floor: float) -> None:
    """The whole caption, word for word: size, colour, shape and place."""
    assert blip["scores"][score] >= floor
    assert blip["scores"][f"{score} prompted"] >= floor - 0.1, "forty pictures: a coarser measure"


def test_a_readers_own_picture_is_handled(clip: dict[str, Any], blip: dict[str, Any]) -> None:
    """One pixel, a strip, grey, palette, transparent, nine megapixels."""
    for answers in clip["odd"].values():
        assert sum(answer["score"] for answer in answers) == pytest.approx(1, abs=1e-3)
    for name in ("palette", "transparent", "huge"):
        assert clip["odd"][name][0]["label"] == "a blue heart"
        assert blip["odd"][name][0]["generated_text"].startswith("a large blue heart")
    assert clip["odd"]["greyscale"][0]["label"] == "a black star"
    assert blip["one"][0]["generated_text"].startswith("a large blue heart")
    assert all(len(answer[0]["generated_text"].split()) <= 21 for answer in blip["odd"].values())


@pytest.mark.parametrize("name", ["scene-clip", "scene-blip"])
def test_the_weights_are_small_and_say_their_limits(name: str) -> None:
    folder = ROOT / "models" / name
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4_000_000
    assert "Limits" in (folder / "README.md").read_text()
