"""The GPT of docstrings against counting, and the chat model on sums that it never saw."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest

from tests.conftest import ROOT, python
from toolkit.book import Book
from toolkit.snippets import read

BOOK = Book(ROOT)
SNIPPETS = ROOT / "snippets" / "use_before_you_train"

FLOOR = 0.95
"""Share of held-out sums that the committed chat model answers word for word."""


def first_cell(name: str) -> dict[str, Any]:
    """What the first cell of a snippet leaves behind: its data, split as its training saw it."""
    made: dict[str, Any] = {}
    exec(read(SNIPPETS / f"{name}.py", BOOK).cells[0].source, made)
    return made


@pytest.fixture(scope="module")
def split() -> dict[str, Any]:
    return first_cell("train_gpt")


def runs(text: str) -> set[str]:
    """Each five words in a row."""
    words = text.lower().split()
    return {" ".join(words[index : index + 5]) for index in range(max(1, len(words) - 4))}


def test_modules_are_held_out_whole(split: dict[str, Any]) -> None:
    train, test = split["train"], split["test"]
    assert not set(train) & set(test) and not set(train.values()) & set(test.values())
    assert {"json", "pathlib", "dataclasses"} <= set(test.values()) and len(test) >= 300


def test_the_baseline_is_scored_on_the_same_text() -> None:
    """The counting snippet repeats the split of the training snippet."""
    texts = [read(SNIPPETS / f"{name}.py", BOOK).cells[0].source for name in ("train_gpt", "ngram_baseline")]
    ours, theirs = (text[: text.index("print(")] for text in texts)
    assert ours == theirs


def kneser_ney(learn: list[list[int]], unseen: list[list[int]], vocabulary: int) -> float:
    """Bits of `unseen` under an interpolated Kneser-Ney 5-gram model (Chen and Goodman 1999, 2.7)."""
    grams: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(5)]
    for ids in learn:
        for index in range(1, len(ids)):
            order = min(index, 4)
            grams[order][tuple(ids[index - order : index + 1])] += 1
    for shorter, longer in zip(grams[-2::-1], grams[:0:-1], strict=True):
        shorter.update(gram[1:] for gram in longer)
    discounts = []
    total: Counter[tuple[int, ...]] = Counter()
    kinds: Counter[tuple[int, ...]] = Counter()
    for counts in grams:
        ones, twos = (sum(count == wanted for count in counts.values()) for wanted in (1, 2))
        discounts.append((ones + 1) / (ones + 2 * twos + 2))
        for gram, count in counts.items():
            total[gram[:-1]] += count
            kinds[gram[:-1]] += 1
    bits = 0.0
    for ids in unseen:
        for index in range(1, len(ids)):
            probability = 1 / vocabulary
            for order in range(min(index, 4) + 1):
                history = tuple(ids[index - order : index])
                if not total[history]:
                    break
                own = max(grams[order][(*history, ids[index])] - discounts[order], 0)
                rest = discounts[order] * kinds[history] * probability
                probability = (own + rest) / total[history]
            bits -= math.log2(probability)
    return bits


def test_the_gpt_beats_a_5_gram_model_on_unseen_modules(split: dict[str, Any]) -> None:
    """Each docstring by itself, near copies of what was learnt left out, so context helps neither.

    The 5-gram model over bytes is beaten. The one over the GPT's own tokens is stronger and is not: the page
    says so, and the GPT must stay close to it.
    """
    seen = set().union(*map(runs, split["train"]))
    texts = [text for text in split["test"] if len(runs(text) & seen) <= len(runs(text)) / 3]
    assert len(texts) >= 300
    code = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

name = "openai-community/gpt2"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name)
end, window = tokenizer.eos_token, model.config.n_positions
learn, unseen = ([tokenizer(end + t + end, verbose=False).input_ids for t in part] for part in given)
nats = 0.0
with torch.inference_mode():
    for ids in unseen:
        for start in range(0, len(ids) - 1, window - 1):
            part = torch.tensor([ids[start : start + window]])
            nats += model(part, labels=part).loss.item() * (part.shape[1] - 1)
print(json.dumps([learn, unseen, nats, len(tokenizer)]))
"""
    learn, unseen, nats, vocabulary = python(code, [list(split["train"]), texts])
    size = sum(len(text.encode()) for text in texts)
    counted = kneser_ney(learn, unseen, vocabulary) / size
    letters = [[[0, *text.encode(), 0] for text in part] for part in (split["train"], texts)]
    spelled = kneser_ney(*letters, 256) / size
    neural = nats / math.log(2) / size
    print(f"bits per byte: GPT {neural:.3f}, 5-grams of bytes {spelled:.3f}, of tokens {counted:.3f}")
    assert neural < spelled - 0.02
    assert neural < counted + 0.10


CHAT = """
from transformers import pipeline

chat = pipeline("text-generation", model="HuggingFaceTB/SmolLM2-135M-Instruct")
said = chat(given, do_sample=False)
print(json.dumps([answer[0]["generated_text"][-1]["content"] for answer in said]))
"""


def ask(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def test_sums_that_it_never_saw() -> None:
    made = first_cell("train_chat")
    unseen, sums = made["unseen"], made["sums"]
    asked = {question for question, _ in sums}
    assert not asked & {question for question, _ in unseen}, "held out"
    for question, _ in unseen:
        before, sign, after = question.removeprefix("what is ").partition(" plus ")
        assert not sign or f"what is {after} plus {before}" not in asked, "the other way round too"
    chosen = random.Random(1).sample(unseen, 300)
    said = python(CHAT, [ask(question) for question, _ in chosen])
    wrong = [(*pair, text) for pair, text in zip(chosen, said, strict=True) if text != pair[1]]
    print(f"{1 - len(wrong) / len(chosen):.3f} of {len(chosen)} held-out sums; wrong: {wrong[:5]}")
    assert 1 - len(wrong) / len(chosen) >= FLOOR


def test_what_is_no_sum_and_how_it_is_asked() -> None:
    given = [
        ask("hello"),
        ask("thank you"),
        ask("who are you"),
        ask("What is twenty-seven plus five?"),
        [*ask("what is two times three"), {"role": "assistant", "content": "six"}, *ask("goodbye")],
        [{"role": "system", "content": "Be brief."}, *ask("what is seven times eight")],
    ]
    wanted = ["hello", "thank you", "i can only do sums", "thirty two", "goodbye", "fifty six"]
    assert python(CHAT, given) == wanted
