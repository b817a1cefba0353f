"""The families of page 9.4, run in the page as a reader would run them and held against Python."""

from __future__ import annotations

import base64
import io
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import ROOT, python
from tests.live import HOSTILE, PATIENCE, TYPE, after, visit
from toolkit import browser, families
from toolkit.book import Book
from toolkit.snippets import defined

pytestmark = pytest.mark.xdist_group("live_families")
PAGE = "use-before-you-train/"


PRESS = 'root.querySelector("button.main").click();'
STOPPED = """const buttons = [...root.querySelectorAll("button")];
const press = name => buttons.find(each => each.textContent === name).click();
host.addEventListener("live-answer", () => press("Stop"), { once: true });
press(given);"""
"""Press the named button, and Stop as soon as its work gives a first answer, however fast the machine."""


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
        stop = element.get_by_role("button", name="Stop")
        stopped = after(element, "live-done", STOPPED, "Write 30 tokens")
        assert len(stopped["ids"]) < len(begun) + 32
        assert stop.is_disabled()
        again = after(
            element,
            "live-answer",
            "[...root.querySelectorAll('button')].find(b => b.textContent === 'Start again').click();",
        )
        assert again["ids"] == begun
        assert reader.fits
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
            assert reader.fits
        assert element.get_by_role("alert").all_inner_texts() == [""]
        assert reader.quiet


# The diffusion model

DIFFUSION = """
import torch
from diffusers import DDIMPipeline
pipeline = DDIMPipeline.from_pretrained("google/ddpm-cifar10-32")
scheduler = pipeline.scheduler
scheduler.set_timesteps(given["steps"])
side = pipeline.unet.config.sample_size
kept = given["kept"]
off = {"noise": 0.0, "step": 0.0}
for before, step in zip(kept, kept[1:]):
    x, noise, fresh, after = (
        torch.tensor(values).view(-1, 1, side, side)
        for values in (before["pictures"], step["noise"], step["fresh"], step["pictures"])
    )
    with torch.inference_mode():
        wanted = pipeline.unet(x, step["time"]).sample
    moved = scheduler.step(noise, step["time"], x, eta=given["eta"], variance_noise=fresh).prev_sample
    off["noise"] = max(off["noise"], (wanted - noise).abs().max().item())
    off["step"] = max(off["step"], (moved - after).abs().max().item())
times = [step["time"] for step in kept[1:]]
print(json.dumps({**off, "times": times == scheduler.timesteps.tolist()}))
"""

SEED = """root.querySelector("input[type=number]").value = given;
root.querySelector("button.main").click();"""


def test_the_diffusion_model_denoises_as_diffusers_does(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.start("denoise-it", PAGE)
        done = after(element, "live-done", SEED, 7)
        assert len(done["kept"]) == 51
        again = after(element, "live-done", SEED, 7)
        assert again["kept"][-1]["pictures"] == done["kept"][-1]["pictures"], "a seed decides all"
        other = after(element, "live-done", SEED, 8)
        assert other["kept"][-1]["pictures"] != done["kept"][-1]["pictures"]
        assert reader.quiet
    found = python(DIFFUSION, done)
    print(f"noise off by {found['noise']:.1e}, a step by {found['step']:.1e} at most")
    assert found["times"]
    assert found["noise"] < 1e-3
    assert found["step"] < 5e-3
    assert max(map(abs, done["kept"][-1]["pictures"])) <= 1.001


def test_the_slider_goes_through_the_steps(address: str, chromium) -> None:
    with visit(chromium, address, width=320, scheme="dark") as reader:
        element = reader.start("denoise-it", PAGE)
        element.get_by_label("Steps").select_option("10")
        element.get_by_label("Seed").fill("-3.7e99")
        after(element, "live-done", 'root.querySelector("button.main").click();')
        assert element.get_by_label("Seed").input_value() == "0", "whatever is typed becomes a seed"
        slider = element.get_by_label("Step", exact=True)
        assert slider.input_value() == "10"
        slider.focus()
        reader.tab.keyboard.press("ArrowLeft")
        element.get_by_text("Step 9: at time 100").wait_for()
        reader.tab.keyboard.press("Home")
        element.get_by_text("Step 0: nothing but noise").wait_for()
        # Stopped, it keeps what it has.
        element.get_by_label("Steps").select_option("50")
        kept = len(after(element, "live-done", STOPPED, "Another seed")["kept"])
        assert 1 <= kept < 51
        assert reader.fits
        assert element.get_by_role("alert").all_inner_texts() == [""]
        assert reader.quiet


# CLIP and BLIP


@pytest.fixture(scope="module")
def world() -> dict[str, Any]:
    """What the snippets that draw scenes define."""
    return defined(Book(ROOT), "use_before_you_train/train_clip.py", ["draw a scene"])


DESCRIBE = """
import base64, io
from PIL import Image
from transformers import pipeline
describe = pipeline("image-text-to-text", model="Salesforce/blip-image-captioning-base")
match = pipeline("zero-shot-image-classification", model="openai/clip-vit-base-patch32")
found = []
for each in given:
    picture = Image.open(io.BytesIO(base64.b64decode(each["picture"].partition(",")[2]))).convert("RGB")
    caption = describe(picture, text=each["prompt"], max_new_tokens=20)[0]["generated_text"]
    scores = {a["label"]: a["score"] for a in match(picture, candidate_labels=each["labels"])}
    found.append({"caption": caption, "scores": [scores[label] for label in each["labels"]]})
print(json.dumps(found))
"""

SCENE = """const [kind, colour] = root.querySelectorAll("fieldset select");
const [size, across, down] = root.querySelectorAll("fieldset input[type=range]");
[kind.value, colour.value, size.value, across.value, down.value] = given.shape;
const [prompt, labels] = [root.querySelector("input[type=text]"), root.querySelector("textarea")];
[prompt.value, labels.value] = [given.prompt, given.labels.join("\\n")];
kind.dispatchEvent(new Event("change"));
colour.dispatchEvent(new Event("change"));
for (const each of [size, across, down]) each.dispatchEvent(new Event("input"));"""


def settled(element: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The answer to the last of several changes."""
    return element.evaluate(
        """async (host, [given, patience]) => {
            const root = host.shadowRoot;
            let last;
            const until = performance.now() + patience;
            const keep = ({ detail }) => { last = detail; };
            host.addEventListener("live-answer", keep);
            {"""
        + SCENE
        + """}
            for (let before; before === undefined || before !== last; ) {
                before = last;
                if (performance.now() > until) throw new Error("no answer came to rest");
                await new Promise(done => setTimeout(done, 400));
            }
            host.removeEventListener("live-answer", keep);
            return { ...last, small: Array.from(last.small) };
        }""",
        [given, PATIENCE],
    )


def test_scenes_are_described_as_python_does(address: str, chromium, world: dict[str, Any]) -> None:
    chance = random.Random(4)
    labels = [f"a {colour} {kind}" for colour in ("red", "blue", "black") for kind in world["SHAPES"]]
    answers = []
    with visit(chromium, address) as reader:
        element = reader.start("describe-it", PAGE)
        for index in range(20):
            shape = [
                chance.choice(list(world["SHAPES"])),
                chance.choice(world["COLOURS"]),
                *(
                    f"{chance.uniform(least, most):.2f}"
                    for least, most in ((0.3, 0.8), (0.2, 0.8), (0.4, 0.6))
                ),
            ]
            prompt = "a picture of" if index % 5 == 4 else ""
            answers.append(
                {"prompt": prompt, **settled(element, {"shape": shape, "prompt": prompt, "labels": labels})}
            )
        assert reader.quiet
    wanted = python(DESCRIBE, answers)
    off = 0.0
    for answer, expected in zip(answers, wanted, strict=True):
        assert answer["caption"] == expected["caption"].strip()
        pairs = zip(answer["probabilities"], expected["scores"], strict=True)
        off = max(off, *(abs(ours - theirs) for ours, theirs in pairs))
    print(f"probabilities off by {off:.1e} at most")
    assert off < 1e-2
    assert len({answer["caption"] for answer in answers}) > 10


def test_the_scene_is_drawn_as_the_snippets_draw(address: str, chromium, world: dict[str, Any]) -> None:
    """The same world, and the same place for each shape to a pixel or two."""
    drawn = families.scene(Book(ROOT))
    assert list(world["SHAPES"]) == list(drawn["shapes"])
    assert world["COLOURS"] == drawn["colours"]
    assert world["SIZES"] == drawn["sizes"]
    assert world["PLACES"] == drawn["places"]
    from PIL import Image, ImageDraw, ImageFont

    with visit(chromium, address) as reader:
        element = reader.start("describe-it", PAGE)
        for kind, character in world["SHAPES"].items():
            found = settled(
                element, {"shape": [kind, "black", "0.4", "0.5", "0.5"], "prompt": "", "labels": ["x"]}
            )
            ours = Image.open(io.BytesIO(base64.b64decode(found["picture"].partition(",")[2]))).convert("L")
            theirs = Image.new("L", ours.size, 235)
            font = ImageFont.truetype(world["FONT"], 224 * 0.4)
            ImageDraw.Draw(theirs).text((112, 112), character, 0, font, anchor="mm")
            boxes = [picture.point(lambda value: 255 * (value < 128)).getbbox() for picture in (ours, theirs)]
            assert max(abs(a - b) for a, b in zip(*boxes, strict=True)) <= 2, (kind, boxes)
        assert reader.quiet


def test_a_scene_is_built_by_keyboard_and_by_pointer(address: str, chromium) -> None:
    with visit(chromium, address, width=390) as reader:
        element = reader.start("describe-it", PAGE)
        caption = element.locator(".written")
        caption.filter(has_text="star").wait_for()
        element.get_by_label("Shape", exact=True).select_option("circle")
        caption.filter(has_text="circle").wait_for()
        element.get_by_role("button", name="Add a shape").focus()
        reader.tab.keyboard.press("Enter")
        assert element.locator("fieldset").count() == 2
        element.get_by_role("button", name="Remove").nth(1).click()
        assert element.locator("fieldset").count() == 1
        slider = element.get_by_label("From left to right")
        slider.focus()
        for _ in range(3):
            reader.tab.keyboard.press("PageUp")
        after(element, "live-answer", "root.querySelector('textarea').dispatchEvent(new Event('input'));")
        assert float(slider.input_value()) > 0.3
        element.locator("canvas.scene").scroll_into_view_if_needed()
        box = element.locator("canvas.scene").bounding_box()
        reader.tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        reader.tab.mouse.down()
        reader.tab.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
        reader.tab.mouse.up()
        assert abs(float(element.get_by_label("From left to right").input_value()) - 0.7) < 0.05
        assert reader.fits
        assert reader.quiet


def test_labels_and_prompts_are_text(address: str, chromium) -> None:
    with visit(chromium, address, width=320, scheme="dark") as reader:
        element = reader.start("describe-it", PAGE)
        pictures = element.locator("[data-snippet] img").count()
        shape = ["star", "blue", "0.4", "0.3", "0.5"]
        for text in HOSTILE:
            found = settled(element, {"shape": shape, "prompt": text, "labels": [text, "a blue star"]})
            assert abs(sum(found["probabilities"]) - 1) < 1e-6
            assert element.locator("img, script").count() == pictures
            assert reader.fits
        found = settled(element, {"shape": shape, "prompt": "", "labels": ["", "  "]})
        assert found["labels"] == []
        found = settled(element, {"shape": shape, "prompt": "", "labels": [f"label {i}" for i in range(40)]})
        assert len(found["labels"]) == 24
        element.get_by_text("Only the first 24 labels are scored").wait_for()
        assert element.get_by_role("alert").all_inner_texts() == [""]
        assert reader.quiet


# Whisper

CLIPS = """
import base64, io
import soundfile
from toolkit.snippets import read
from toolkit.book import Book
book = Book.locate()
file = book.snippets / "use_before_you_train/train_whisper.py"
world = {}
exec(read(file, book).cell("borrow a synthesiser to learn from").source, world)
from num2words import num2words
clips = []
voices = ["en-us", "en-gb", "en-gb-scotland", "en-029"]
for index in range(20):
    words = [num2words(number) for number in (index * 5 % 100, index * 7 % 100, index * 43)]
    text = f"{words[0]} plus {words[1]}" if index % 2 else words[2]
    wave, _ = world["speak"](text.replace("-", " "), voices[index % 4], 140 + 3 * index, 40 + index)
    content = io.BytesIO()
    # Single precision: of 16 bit, Chromium divides what is above zero by 32,767, Python by 32,768.
    soundfile.write(content, wave.astype("float32"), 16_000, format="WAV", subtype="FLOAT")
    clips.append(base64.b64encode(content.getvalue()).decode())
print(json.dumps(clips))
"""

LISTEN = """
import base64, io
import numpy, soundfile
from transformers import pipeline
listen = pipeline("automatic-speech-recognition", model="openai/whisper-tiny.en")
found = []
for clip in given:
    wave, rate = soundfile.read(io.BytesIO(base64.b64decode(clip)), dtype="float32")
    features = listen.feature_extractor(wave, sampling_rate=rate, return_tensors="np").input_features[0]
    most = listen.feature_extractor.n_samples
    text = listen({"raw": wave[:most], "sampling_rate": rate})["text"]
    found.append({"text": text, "features": features.T.flatten().tolist()})
print(json.dumps(found))
"""


def uploaded(element: Any, clip: str, name: str = "clip.wav") -> dict[str, Any]:
    return after(
        element,
        "live-answer",
        """const bytes = Uint8Array.from(atob(given[0]), each => each.charCodeAt(0));
        const files = new DataTransfer();
        files.items.add(new File([bytes], given[1]));
        const input = root.querySelector("input[type=file]");
        input.files = files.files;
        input.dispatchEvent(new Event("change"));""",
        [clip, name],
    )


def test_sounds_are_written_down_as_python_does(address: str, chromium) -> None:
    clips = python(CLIPS, None)
    wanted = python(LISTEN, clips)
    off = 0.0
    with visit(chromium, address) as reader:
        element = reader.start("say-it", PAGE)
        for clip, expected in zip(clips, wanted, strict=True):
            found = uploaded(element, clip)
            pairs = zip(found["spectrogram"], expected["features"], strict=True)
            off = max(off, *(abs(ours - theirs) for ours, theirs in pairs))
            assert found["text"] == expected["text"]
        assert reader.quiet
    print(f"log-mel features off by {off:.1e} at most")
    assert off < 1e-3
    assert len({each["text"] for each in wanted}) > 10


def test_the_recorded_sample_and_files_that_hold_no_sound(address: str, chromium) -> None:
    flac = base64.b64encode((ROOT / families.SAMPLE).read_bytes()).decode()
    (expected,) = python(LISTEN, [flac])
    with visit(chromium, address, width=320, scheme="dark") as reader:
        element = reader.start("say-it", PAGE)
        sample = element.get_by_role("button", name="Take the recorded sample")
        sample.focus()
        reader.tab.keyboard.press("Enter")
        element.locator(".written", has_text=expected["text"].strip()).wait_for()
        assert uploaded(element, flac, "spoken-sum.flac")["text"] == expected["text"]
        hostile = "<img src=x onerror=\"document.title='hacked'\">.wav"
        files = [{"name": hostile, "mimeType": "audio/wav", "buffer": b"no sound"}]
        element.locator("input[type=file]").set_input_files(files)
        element.get_by_text("holds no sound that this browser can read").wait_for()
        files = [{"name": "empty.wav", "mimeType": "audio/wav", "buffer": b""}]
        element.locator("input[type=file]").set_input_files(files)
        element.get_by_text("empty.wav holds no sound").wait_for()
        assert reader.fits
        assert reader.quiet


def test_a_missing_microphone_is_one_sentence_and_a_present_one_records(address: str, chromium) -> None:
    with visit(chromium, address) as reader:
        element = reader.start("say-it", PAGE)
        element.get_by_role("button", name="Speak").click()
        element.get_by_text(
            re.compile("No microphone was found|The microphone is not allowed here")
        ).wait_for()
        reader.tab.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
        element.get_by_role("button", name="Speak").click()
        element.get_by_text("This browser gives a page no microphone here").wait_for()
        assert element.get_by_role("button", name="Speak").is_enabled()
        assert reader.quiet
    fakes = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with ThreadPoolExecutor() as pool:  # Playwright can't be asked twice in one thread
        executable = str(pool.submit(browser.find).result())
    other = chromium.browser_type.launch(executable_path=executable, args=[*browser.ARGUMENTS, *fakes])
    with visit(other, address) as reader:
        element = reader.start("say-it", PAGE)
        found = after(element, "live-answer", PRESS)
        assert 1.0 < found["samples"] / 16_000 <= 4.0
        assert reader.quiet
    other.close()
