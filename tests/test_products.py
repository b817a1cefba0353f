"""The product listings, what is learnt from them, and the classifier that came of it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import requests

from tests import warm
from tests.conftest import ROOT
from toolkit import hub
from toolkit.book import Book
from toolkit.record import read_record

BOOK = Book(ROOT)
COMPARE = ROOT / "snippets" / "what_is_training" / "compare.py"

FLOOR = 0.74
"""Accuracy of the committed adapter on listings that it never saw."""


@pytest.fixture(scope="module")
def products() -> pd.DataFrame:
    return pd.read_csv(ROOT / "snippets" / "data" / "products.csv")


def words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower()))


def test_enough_complete_and_noisy(products: pd.DataFrame) -> None:
    assert list(products.columns) == ["split", "kind", "category", "title", "text"]
    assert not products.isna().any().any()
    assert len(products) >= 1200 and products.category.nunique() == 10
    for _, part in products.groupby("split"):
        counts = part.category.value_counts()
        assert counts.max() - counts.min() <= 0.02 * counts.max() + 1, "balanced"
    share = products.kind.value_counts(normalize=True)
    assert set(share.index) == {"plain", "noisy", "between"}
    assert share["noisy"] >= 0.15 and share["between"] >= 0.05
    listing = products.title + " " + products.text
    assert listing.map(len).max() <= 200 and listing.map(words).nunique() == len(products)


def test_no_near_duplicates_across_the_split(products: pd.DataFrame) -> None:
    """No test listing shares half of its words with a training listing."""
    listing = [frozenset(words(f"{row.title} {row.text}")) for row in products.itertuples()]
    where: dict[str, list[int]] = {}
    for index, (found, split) in enumerate(zip(listing, products.split, strict=True)):
        for word in found if split == "train" else ():
            where.setdefault(word, []).append(index)
    for found, split in zip(listing, products.split, strict=True):
        if split == "test":
            shared = Counter(index for word in found for index in where.get(word, ()))
            for index, count in shared.most_common(3):
                assert count / len(found | listing[index]) < 0.5, (sorted(found), sorted(listing[index]))


def run(
    *arguments: str, cwd: Path = ROOT, timeout: float = 300, text: str = ""
) -> subprocess.CompletedProcess[str]:
    return warm.run(list(arguments), cwd, text, timeout)


def rows(count: int, category: str, split: str = "") -> str:
    return "".join(f"{category} thing number {n},{category}{split}\n" for n in range(count))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "is missing: download it from the book's page and put it there"),
        ("", "is empty, or no CSV file: it needs a line of column names and rows"),
        ("text,category\n", "is empty, or no CSV file: it needs a line of column names and rows"),
        ('a,b\n1,2,3\n"', "is empty, or no CSV file: it needs a line of column names and rows"),
        ("text,label\nred mug,a\n", "has no column `category`: it needs text and category"),
        ("words,label\nred mug,a\n", "has no column `text` and no `category`: it needs text and category"),
        (
            "text,category\n" + rows(100, "mug"),
            "has one category only: a classifier needs two or more",
        ),
        (
            "text,category\n" + rows(100, "mug") + rows(20, "cup"),
            "has 15 rows of `cup` to learn from, fewer than --labels asks for",
        ),
        (
            "text,category,split\n" + rows(80, "mug", ",train") + rows(80, "cup", ",train"),
            "has no rows to test on",
        ),
    ],
)
def test_a_readers_own_file_is_refused_in_one_sentence(tmp_path: Path, data: str | None, reason: str) -> None:
    if data is not None:
        (tmp_path / "my.csv").write_text(data)
    result = run(str(COMPARE), "--data", "my.csv", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (1, f"my.csv {reason}\n")


def test_a_number_below_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("text,category\n" + rows(20, "mug") + rows(20, "cup"))
    for option in ("--labels", "--seeds"):
        result = run(str(COMPARE), "--data", "my.csv", "--labels", "4", option, "0", cwd=tmp_path)
        assert (result.returncode, result.stderr) == (1, "my.csv needs --labels and --seeds from 1 up\n")


def test_a_binary_file_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_bytes(bytes(range(256)))
    result = run(str(COMPARE), "--data", "my.csv", cwd=tmp_path)
    assert result.returncode == 1 and result.stderr.startswith("my.csv is empty, or no CSV file")


def accuracies(printed: str) -> pd.DataFrame:
    """The first table that the comparison prints: a row for each way, a column for each number of labels."""
    lines = printed.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("labels"))
    counts = [int(count) for count in lines[start].split()[1:]]
    found = {}
    for line in lines[start + 2 : start + 8]:
        name, *scores = re.split(r"\s{2,}", line.strip())
        found[name] = [float(score) for score in " ".join(scores).split()]
    return pd.DataFrame.from_dict(found, orient="index", columns=counts)


def comparison() -> pd.DataFrame:
    """Accuracy in the committed record: mean of three seeds at 4, 16, 64 and all labels a class."""
    outputs = read_record(BOOK.record_file(COMPARE), BOOK).outputs["run them all"]
    return accuracies("".join("".join(output["text"]) for output in outputs if "text" in output))


def test_the_ranking_of_the_comparison() -> None:
    """What holds on every machine: the order of the ways and wide margins, not the digits."""
    table = comparison()
    few, some, many, full = table.columns
    assert (few, some, many) == (4, 16, 64) and full > many
    frozen, scratch = table.loc["head on frozen MiniLM"], table.loc["from scratch"]
    assert frozen[16] >= scratch[16] + 0.20
    assert table[few].idxmax() == "zero-shot"
    assert table[some].idxmax() == table[many].idxmax() == "head on frozen MiniLM"
    assert (frozen > table.loc["TF-IDF baseline"]).all()
    assert (table.loc["TF-IDF baseline"][[many, full]] > scratch[[many, full]] + 0.05).all()
    assert (table.loc["fine-tuning all weights"] > scratch + 0.20).all()
    for way in table.index.drop("zero-shot"):
        assert table.loc[way, full] > table.loc[way, few], f"{way} learns from more labels"


def test_more_passes_let_fine_tuning_overtake_the_head() -> None:
    """The page says so: the comparison stops fine-tuning early, its own snippets do not."""

    def score(name: str) -> float:
        outputs = read_record(BOOK.record_file(COMPARE.with_name(f"{name}.py")), BOOK).outputs
        printed = outputs["score it on listings that it never saw"]
        return float(re.findall(r"accuracy (0\.\d+)", str(printed))[0])

    head = score("transfer_learning")
    assert score("fine_tune") > head and score("fine_tune_lora") > head
    assert head > score("tfidf_baseline") > score("from_scratch")


def test_a_readers_own_file_gets_its_own_curve(tmp_path: Path, products: pd.DataFrame) -> None:
    """Two columns and no split, other numbers of labels, one seed: it runs, and the ranking is there."""
    own = products.groupby("category").sample(32, random_state=1)
    own = own.assign(text=own.title + ". " + own.text).sample(frac=1, random_state=1)
    own[["text", "category"]].to_csv(tmp_path / "my.csv", index=False)
    options = ["--labels", "4", "--seeds", "1", "--picture", "curves.png"]
    result = run(str(COMPARE), "--data", "my.csv", *options, cwd=tmp_path, timeout=500)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    table = accuracies(result.stdout)
    assert list(table.columns) == [4, 24] and len(table) == 6
    assert table.loc["head on frozen MiniLM", 24] >= table.loc["from scratch", 24] + 0.20
    assert table.loc["head on frozen MiniLM", 24] > table.loc["TF-IDF baseline", 24]


def test_the_adapter_is_small_and_reaches_its_floor(products: pd.DataFrame) -> None:
    folder = ROOT / "models" / "product-classifier"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_000_000
    assert "Limits" in (folder / "README.md").read_text()
    code = """
import json, runpy, sys
classify = runpy.run_path("snippets/real_world_examples/classify_products.py")["classify"]
print(json.dumps([answer["label"] for answer in classify(json.load(sys.stdin), batch_size=32)]))
"""
    test = products[products.split == "test"]
    result = run("-c", code, text=json.dumps((test.title + ". " + test.text).tolist()))
    assert result.returncode == 0, result.stderr
    right = pd.Series(json.loads(result.stdout.splitlines()[-1]), test.index) == test.category
    print(f"held-out accuracy {right.mean():.3f}, {right.groupby(test.kind).mean().round(2).to_dict()}")
    assert right.mean() >= FLOOR


@pytest.mark.parametrize("name", ["classify_products", "serve_classifier"])
def test_a_missing_adapter_is_one_sentence(tmp_path: Path, name: str) -> None:
    """Copied into an empty folder, the snippet says where the adapter comes from."""
    copy = tmp_path / f"{name}.py"
    copy.write_text((ROOT / "snippets" / "real_world_examples" / copy.name).read_text())
    result = run(copy.name, cwd=tmp_path)
    reason = "models/product-classifier is missing: fine_tune_lora.py trains it; move it there\n"
    assert (result.returncode, result.stderr) == (1, reason)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of the classifier, served as its docstring says."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", "snippets/real_world_examples"]
    process = subprocess.Popen(
        [*command, "serve_classifier:app", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **hub.environment(BOOK)},
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/classify"
    finally:
        process.terminate()
        assert process.wait(timeout=20) is not None


def test_the_server_answers(server: str) -> None:
    answer = requests.post(
        server, json={"text": "Cast iron skillet 26 cm. Goes from hob to oven."}, timeout=30
    ).json()
    assert set(answer) == {"label", "probability", "milliseconds"}
    assert answer["label"] == "Kitchen"
    assert 0 < answer["probability"] <= 1 and answer["milliseconds"] > 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b'{"text": ""}', 422),
        (b'{"text": "   "}', 422),
        (b'{"text": null}', 422),
        (b'{"text": 7}', 422),
        (b'{"text": ["a", "b"]}', 422),
        (b'{"text": "\\ud800"}', 422),
        (b'{"words": "mug"}', 422),
        (b'["mug"]', 422),
        (b"mug", 422),
        (b'{"text": "' + b"x" * 3000 + b'"}', 422),
        (b'{"text": "' + b"x" * 1_000_000 + b'"}', 413),
        (b"\xff\xfe\x00", 422),
        (b"\x89PNG\r\n\x1a\n", 422),
        (b"[" * 15_000, 422),
    ],
)
def test_the_server_refuses_in_one_sentence(server: str, body: bytes, status: int) -> None:
    response = requests.post(server, data=body, timeout=30)
    assert response.status_code in {status, 400} if status == 422 else response.status_code == status
    detail = response.json()["detail"]
    assert isinstance(detail, str) and detail.strip().count("\n") == 0 and len(detail) < 120


def test_a_body_of_unknown_length_is_refused(server: str) -> None:
    response = requests.post(server, data=iter([b'{"text": "mug"}']), timeout=30)
    assert response.status_code == 411 and isinstance(response.json()["detail"], str)


def test_the_server_answers_many_at_once(server: str) -> None:
    answers: list[str] = []

    def call() -> None:
        answers.append(requests.post(server, json={"text": "garden hose 20 m"}, timeout=60).json()["label"])

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 16 and len(set(answers)) == 1
