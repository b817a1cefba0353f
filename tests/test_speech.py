"""The ears: what they reach in voices that they never heard."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.conftest import ROOT
from toolkit import hub
from toolkit.book import Book
from toolkit.snippets import read

pytestmark = pytest.mark.xdist_group("speech")
BOOK = Book(ROOT)
EARS = 0.91
"""Share of words that the committed ears get right in voices that they never heard; 0.97 is the aim."""

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
    """From the embedded weights, as the page loads them."""
    from transformers import pipeline

    names = {
        "automatic-speech-recognition": "openai/whisper-tiny.en",
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
    said = [whisper["sentence"](rng) for _ in range(150)]
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
