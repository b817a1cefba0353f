"""The black box, opened: calibration, the words that moved a label, and input it was never made for."""

from __future__ import annotations

import ast
import re
from typing import Any

import pandas as pd
import pytest
import torch

from tests.conftest import ROOT
from toolkit.book import Book
from toolkit.record import read_record

BOOK = Book(ROOT)
FOLDER = BOOK.snippets / "inference_considerations"


def printed(name: str, title: str) -> str:
    outputs = read_record(BOOK.record_file(FOLDER / f"{name}.py"), BOOK).outputs[title]
    return "".join("".join(output.get("text", "")) for output in outputs)


def rows(text: str) -> dict[str, list[float]]:
    """The numbers behind each name at the start of a line."""
    found = {}
    for line in text.splitlines():
        if match := re.match(r"([a-z][a-z ]*?)\s{2,}([-\d.%][-\d.%\s]*)$", line):
            found[match[1]] = [float(number.rstrip("%")) for number in match[2].split()]
    return found


def functions(name: str, *wanted: str) -> dict[str, Any]:
    """Functions of a snippet, without the rest of it."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    names: dict[str, Any] = {"torch": torch}
    exec(compile(tree, name, "exec"), names)
    return names


def test_the_calibration_error_is_that_of_its_definition() -> None:
    ece = functions("calibration", "gaps", "ece")["ece"]
    sure = torch.tensor([0.8] * 5 + [1.0] * 5)
    right = torch.tensor([1.0, 1, 1, 1, 0] + [1] * 5)
    assert ece(sure, right) == pytest.approx(0, abs=1e-6)
    assert ece(sure, torch.zeros(10)) == pytest.approx(0.9)
    assert ece(sure, torch.tensor([1.0] * 5 + [0] * 5)) == pytest.approx((0.2 + 1) / 2)


def test_one_temperature_mends_the_mean_and_moves_no_label() -> None:
    table = rows(printed("calibration", "compare what it says with how often it is right"))
    (says, right, error, _), (says_now, right_now, error_now, _) = table.values()
    assert right == right_now, "dividing logits changes no answer"
    assert error_now < error
    assert abs(says_now - right_now) < abs(says - right)


def test_the_mean_hides_irony() -> None:
    kinds = rows(printed("calibration", "look at each kind of review"))
    says, right, _ = kinds.pop("irony")
    assert says - right > 0.1
    assert all(abs(says - right) < 0.05 for says, right, _ in kinds.values())


def test_leaving_out_a_word_leaves_out_that_word() -> None:
    without = functions("which_words", "without")["without"]
    assert without(["a", "b", "c", "d"], 1) == "a c d"
    assert without(["a", "b", "c", "d"], 0, 3) == "b c"


def test_the_words_it_leaned_on_matter_more_than_others() -> None:
    leaned, random = rows(printed("which_words", "see whether the picture is true")).values()
    assert all(a > 2 * b for a, b in zip(leaned, random, strict=True))
    assert leaned == sorted(leaned)


def test_the_limit_of_leaving_out_is_shown() -> None:
    """Words that say the same stand in for each other, and none of them alone moves the answer."""
    shown = printed("which_words", "ask about four reviews")
    assert "Great sound, great fit, great price.\n  100% positive; no word alone moves it" in shown


def test_strange_input_is_strange_to_the_reviews() -> None:
    strange = pd.read_csv(BOOK.snippets / "data" / "strange.csv", keep_default_na=False)
    assert list(strange.columns) == ["kind", "text"]
    assert strange.kind.nunique() == 5 and strange.kind.value_counts().min() >= 30
    assert not strange.text.duplicated().any()
    reviews = pd.read_csv(BOOK.snippets / "data" / "reviews.csv")
    assert not set(strange.text) & set(reviews.text)


def test_it_is_often_sure_of_what_it_was_never_made_for() -> None:
    sure = rows(printed("never_made_for", "see how sure it is"))
    assert len(sure) == 7
    assert all(median > 70 for median, _, _ in sure.values())
    assert sure["code"][1] > 30 and sure["code"][2] < 20, "sure of code, and finds it bad"


def test_distance_catches_what_doubt_lets_through() -> None:
    table = rows(printed("never_made_for", "set an alarm on reviews alone and count"))
    *_, doubt, distance = table.pop("reviews")
    assert max(doubt, distance) < 10, "few false alarms on reviews that chose no limit"
    assert all(far > unsure for _, _, unsure, far in table.values())
    for kind in ("another language", "gibberish", "code", "nearly empty"):
        assert table[kind][3] > 85
    for kind in ("product listings", "a page of a novel"):
        assert table[kind][3] < 60, "English near the reviews slips through, and the page says so"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("calibration", "draw the reliability diagram"),
        ("which_words", "draw the words"),
        ("never_made_for", "draw both signals"),
    ],
)
def test_a_picture_says_what_it_shows_without_a_measurement(name: str, title: str) -> None:
    (output,) = read_record(BOOK.record_file(FOLDER / f"{name}.py"), BOOK).outputs[title]
    alt = output["metadata"]["image/svg+xml"]["alt"]
    assert len(alt) > 40 and not re.search(r"\d", alt)
