"""The ears and the mouth: what they reach on voices and lines that they never met, and both together."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.conftest import ROOT
from toolkit import hub
from toolkit.book import Book
from toolkit.record import read_record
from toolkit.snippets import read

pytestmark = pytest.mark.xdist_group("speech")
BOOK = Book(ROOT)
EARS = 0.97
"""Share of words that the committed ears get right in voices that they never heard."""

PAGE = ROOT / "snippets" / "use_before_you_train"


def cells(name: str, *titles: str) -> dict[str, Any]:
    """What these cells of a training snippet define; the training itself is not executed."""
    snippet, namespace = read(PAGE / f"{name}.py", BOOK), {}
    for title in titles:
        cell = snippet.cell(title)
        assert cell is not None, title
        exec(compile(cell.source, f"{name}.py: {title}", "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Any]:
    """Ears, mind and mouth, from the embedded weights, as the pages load them."""
    from transformers import pipeline

    names = {
        "automatic-speech-recognition": "openai/whisper-tiny.en",
        "text-generation": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "text-to-speech": "facebook/mms-tts-eng",
    }
    return {task: pipeline(task, model=snapshot(name)) for task, name in names.items()}


def snapshot(name: str) -> str:
    model = hub.read_catalog(BOOK)[name]
    return str(hub.lay_out(BOOK) / model.cache_name / "snapshots" / model.revision)


@pytest.fixture(scope="module")
def whisper() -> dict[str, Any]:
    return cells(
        "train_whisper",
        "borrow a synthesiser to learn from",
        "make up sentences of numbers",
        "hear them in many voices and speeds and noises",
    )


def wrong_words(heard: str, said: str) -> int:
    """Edit distance in words."""
    a, b = heard.split(), said.split()
    row = list(range(len(a) + 1))
    for i, word in enumerate(b, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(a, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def test_the_ears_understand_voices_that_they_never_heard(
    pipelines: dict[str, Any], whisper: dict[str, Any]
) -> None:
    """Other sentences than in the snippet's own score."""
    assert not set(whisper["heard"]) & set(whisper["unheard"])
    rng = random.Random(99)
    said = [whisper["sentence"](rng) for _ in range(400)]
    waves = [whisper["recording"](text, whisper["unheard"], rng) for text in said]
    answers = pipelines["automatic-speech-recognition"](
        [{"raw": wave, "sampling_rate": 16_000} for wave in waves], batch_size=50
    )
    wrong = sum(wrong_words(answer["text"], text) for answer, text in zip(answers, said, strict=True))
    right = 1 - wrong / sum(len(text.split()) for text in said)
    print(f"words right: {right:.3f}")
    assert right >= EARS


def test_the_ears_answer_whatever_they_get(pipelines: dict[str, Any]) -> None:
    """Silence, noise, a click, four seconds of it: an answer of words, never a crash."""
    import numpy as np

    rng = np.random.default_rng(0)
    for sound in (np.zeros(16_000), rng.normal(0, 0.3, 16_000), np.ones(10), rng.normal(0, 0.1, 64_000)):
        raw = {"raw": sound.astype("float32"), "sampling_rate": 16_000}
        assert isinstance(pipelines["automatic-speech-recognition"](raw)["text"], str)


def test_the_ears_understand_what_the_mouth_says(pipelines: dict[str, Any]) -> None:
    """The floor of the committed voice: 0.95 of words, in lines that it never learnt to say."""
    taught = cells("train_voice", "write down what it will have to say")
    rng = random.Random(99)
    fresh = [text for text in (taught["line"](rng) for _ in range(300)) if text not in taught["lines"]][:40]
    assert len(fresh) == 40
    wrong = 0
    for text in fresh:
        speech = pipelines["text-to-speech"](text)
        assert speech["sampling_rate"] == 16_000
        raw = {"raw": speech["audio"].squeeze()[:64_000], "sampling_rate": 16_000}
        wrong += wrong_words(pipelines["automatic-speech-recognition"](raw)["text"], text)
    right = 1 - wrong / sum(len(text.split()) for text in fresh)
    print(f"words understood: {right:.3f}")
    assert right >= 0.95


def test_the_chatbot_answers_spoken_sums(pipelines: dict[str, Any], whisper: dict[str, Any]) -> None:
    """Ears, mind, mouth and ears again, on sums in voices that none of them met."""
    from num2words import num2words

    rng = random.Random(7)
    ears = pipelines["automatic-speech-recognition"]
    right = 0
    for _ in range(10):
        a, b = rng.randrange(50), rng.randrange(50)
        question = f"what is {num2words(a)} plus {num2words(b)}".replace("-", " ")
        wave = whisper["recording"](question, whisper["unheard"], rng)
        heard = ears({"raw": wave, "sampling_rate": 16_000})["text"].strip()
        turns = [{"role": "user", "content": heard}]
        reply = pipelines["text-generation"](turns, max_new_tokens=24, do_sample=False)
        answer = reply[0]["generated_text"][-1]["content"].strip()
        speech = pipelines["text-to-speech"](answer)
        raw = {"raw": speech["audio"].squeeze()[:64_000], "sampling_rate": 16_000}
        right += ears(raw)["text"].strip() == num2words(a + b).replace("-", " ")
    print(f"{right} of 10 spoken sums came back right")
    assert right >= 8


def test_the_page_lets_it_speak() -> None:
    record = read_record(BOOK.record_file(ROOT / "snippets/real_world_examples/talking_chatbot.py"), BOOK)
    printed = str(record.outputs["it answers a sum"])
    assert "you: what is twenty seven plus five" in printed and "bot: thirty two" in printed
    for title in ("somebody asks", "it answers a sum", "it greets back"):
        assert any("<audio" in str(output.get("data")) for output in record.outputs[title])
    assert {weights["name"] for weights in record.about["weights"]} == {
        "number-whisper",
        "number-chat",
        "number-voice",
    }


def test_shared_cells_are_the_same() -> None:
    """Snippets stand alone, so some repeat a cell; what is repeated is the same to the letter."""
    title = "borrow a synthesiser to learn from"
    texts = {read(PAGE / f"train_{name}.py", BOOK).cell(title) for name in ("whisper", "voice")}
    assert len({cell.source for cell in texts if cell}) == 1
