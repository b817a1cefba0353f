"""The page computes what Python computes: every combination of answers, and a grid for the calculators."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import test_should_i_train as advisor
from tests.conftest import ROOT
from tests.test_calculators import BILLS, MEMORY, SERVING, TRAINING
from toolkit.book import Book
from toolkit.decide import ELEMENTS, figures
from toolkit.live import node

BOOK = Book(ROOT)
RULES, HOURS, MONTHS = (figures(BOOK, element) for element in ELEMENTS)

SHAPES = [
    {
        "layers": layers,
        "width": width,
        "heads": heads,
        "context": context,
        "batch": batch,
        "checkpointing": checkpointing,
        "rank": rank,
        "adapted": 2,
        "fused": fused,
    }
    for layers, width, heads, context, batch, checkpointing, rank, fused in itertools.product(
        (1, 32, 80), (256, 8192), (1, 64), (1, 2048), (1, 16), (False, True), (1, 64), (False, True)
    )
]
PRICES = [
    {**BILLS["PRICES"], "input": per_token, "output": 4 * per_token, "server": server, "large": speed}
    for per_token, server, speed in itertools.product((0, 0.15, 30), (0.2, 2.21, 40), (10, 975))
]
GRID: dict[str, list[Any]] = {
    "hours": [
        (n, d, gpu, share)
        for n, d, gpu, share in itertools.product(
            (1, 124e6, 6.74e9, 1.75e11, 1e15),
            (1, 3e11, 1.5e13, 1e18),
            TRAINING["GPUS"],
            (None, 0.001, 0.38, 1),
        )
    ],
    "bills": list(
        itertools.product((0, 1.5, 82_432, 3e7), TRAINING["GPUS"], (0, 2.21), (1, 1.1), (0, 0.385))
    ),
    "memory": [(n, way, shape) for n in (1e6, 8e9) for way in MEMORY["METHODS"] for shape in SHAPES],
    "serve": list(
        itertools.product((1e6, 8.03e9), (1, 32), (1, 8, 32), (64, 128), (1, 4096), (1, 16), (4, 16), (16,))
    ),
    "months": [
        (prices, requests, read, written)
        for prices in PRICES
        for requests, read, written in itertools.product((0, 1, 1e6, 3e9), (0, 500), (1, 200, 5000))
    ],
    "overtakes": list(itertools.product((1, 3e11, 1.5e13), (1, 100, 1000))),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], np.ndarray, list[dict[str, Any]]]:
    """What the scripts of the page answer, and the answers that they were asked to advise on."""
    folder = tmp_path_factory.mktemp("decide")
    needs = list(advisor.sample(400))
    asked = {"rules": RULES, "training": HOURS, "serving": MONTHS, "axes": advisor.AXES, "advice": needs}
    (folder / "asked.json").write_text(json.dumps({**asked, **GRID}))
    script = folder / "decide.mjs"
    esbuild = ROOT / "web" / "node_modules" / "esbuild" / "bin" / "esbuild"
    bundle = [node(), str(esbuild), "test/decide.ts", "--bundle", "--platform=node", "--format=esm"]
    subprocess.run([*bundle, f"--outfile={script}"], cwd=ROOT / "web", check=True, capture_output=True)
    command = [node(), str(script), str(folder / "asked.json"), str(folder / "every.bin")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    every = np.frombuffer((folder / "every.bin").read_bytes(), np.int8)
    return json.loads(done.stdout), every, needs


def test_every_combination_of_answers_is_decided_alike(page) -> None:
    _, every, _ = page
    assert every.size == advisor.DECIDED.size > 1_000_000
    assert (every == advisor.DECIDED.ravel()).all()


def test_the_advice_reads_alike(page) -> None:
    found, _, needs = page
    assert len(found["advice"]) == len(needs) == 400
    for said, answers in zip(found["advice"], needs, strict=True):
        assert said == advisor.advise(answers)


def test_the_calculators_agree_on_a_grid(page) -> None:
    found, _, _ = page
    assert sum(map(len, GRID.values())) >= 1_000
    for (n, d, gpu, share), hours in zip(GRID["hours"], found["hours"], strict=True):
        assert hours == pytest.approx(TRAINING["training_gpu_hours"](n, d, gpu, share), rel=1e-12)
    for (hours, gpu, price, pue, carbon), bill in zip(GRID["bills"], found["bills"], strict=True):
        told = TRAINING["training_bill"](hours, gpu, price, pue, carbon)
        assert list(bill.values()) == pytest.approx(list(told.values()), rel=1e-12)
    for (n, way, shape), memory in zip(GRID["memory"], found["memory"], strict=True):
        shape = {("fused_attention" if key == "fused" else key): value for key, value in shape.items()}
        assert memory == pytest.approx(MEMORY["training_memory"](n, way, **shape), rel=1e-12)
    for asked, memory in zip(GRID["serve"], found["serve"], strict=True):
        assert memory == pytest.approx(SERVING["serving_memory"](*asked), rel=1e-12)
    for asked, requests in zip(GRID["overtakes"], found["overtakes"], strict=True):
        assert requests == BILLS["requests_until_serving_overtakes"](*asked)
    for (prices, requests, read, written), (bills, *crossings) in zip(
        GRID["months"], found["months"], strict=True
    ):
        told = BILLS["monthly_bill"](requests, read, written, prices)
        assert bills == pytest.approx(told, rel=1e-12)
        ways = ("own server", "fine-tuned")
        assert crossings == [BILLS["break_even"](way, read, written, prices) for way in ways]


def test_the_page_gets_what_the_snippets_define() -> None:
    assert len(RULES["rules"]) == len(advisor.rules)
    assert HOURS["gpus"] == TRAINING["GPUS"] and MONTHS["prices"] == BILLS["PRICES"]
    for snippet, _ in ELEMENTS.values():
        assert Path(ROOT / "snippets" / snippet).is_file()
