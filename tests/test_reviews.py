"""The reviews, and the head that learnt from them."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def reviews() -> pd.DataFrame:
    return pd.read_csv(ROOT / "snippets" / "data" / "reviews.csv")


def words(text: str) -> tuple[str, ...]:
    return tuple("".join(c if c.isalnum() else " " for c in text.lower()).split())


def test_enough_balanced_and_complete(reviews: pd.DataFrame) -> None:
    assert len(reviews) >= 800
    assert list(reviews.columns) == ["split", "product", "kind", "label", "text"]
    assert not reviews.isna().any().any()
    for _, part in reviews.groupby("split"):
        assert part.label.value_counts().nunique() == 1, "as many positive as negative ones"
    assert set(reviews.kind) == {"plain", "negation", "irony", "mixed", "neutral"}
    assert reviews.kind.value_counts().min() >= 100


def test_no_product_and_no_text_is_on_both_sides(reviews: pd.DataFrame) -> None:
    train, test = (reviews[reviews.split == name] for name in ("train", "test"))
    assert not set(train["product"]) & set(test["product"])
    assert len({words(text) for text in reviews.text}) == len(reviews), "no review stands twice"


def test_no_near_duplicates_across_the_split(reviews: pd.DataFrame) -> None:
    """Three-word runs: no test review shares more than half of its runs with a training review."""

    def runs(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        return {found[i : i + 3] for i in range(max(1, len(found) - 2))}

    train = [runs(text) for text in reviews[reviews.split == "train"].text]
    where: dict[tuple[str, ...], list[int]] = {}
    for index, found in enumerate(train):
        for run in found:
            where.setdefault(run, []).append(index)
    for text in reviews[reviews.split == "test"].text:
        found = runs(text)
        shared = Counter(index for run in found for index in where.get(run, ()))
        for index, count in shared.most_common(3):
            assert count / len(found | train[index]) <= 0.5, text


def test_the_embedded_head_reaches_its_floor(reviews: pd.DataFrame, labels: dict[str, str]) -> None:
    """The committed weights, through the pipeline that a reader calls, on products that they never saw."""
    test = reviews[reviews.split == "test"]
    right = test.text.map(labels).str.lower() == test.label
    print(f"held-out accuracy {right.mean():.3f}, {right.groupby(test.kind).mean().round(2).to_dict()}")
    assert right.mean() >= 0.90
