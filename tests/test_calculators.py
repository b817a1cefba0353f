"""The calculators: published runs, published memory, and what they refuse."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import math
import runpy
from typing import Any

import matplotlib
import numpy as np
import pytest

from tests.conftest import ROOT

matplotlib.use("agg")


def load(name: str) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()):
        return runpy.run_path(str(ROOT / "snippets" / f"{name}.py"))


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "docs" / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


TRAINING = load("training_considerations/training_cost")
MEMORY = load("training_considerations/training_memory")
SERVING = load("inference_considerations/serving_memory")
BILLS = load("inference_considerations/serving_cost")
training_gpu_hours = TRAINING["training_gpu_hours"]
serving_memory = SERVING["serving_memory"]


def test_published_runs_lie_in_the_band() -> None:
    """But for small models that learn from larger ones, which nobody can count by their own size."""
    outside, twice = set(), 0
    for run in rows("training_runs"):
        low, middle, high = training_gpu_hours(float(run["parameters"]), float(run["tokens"]), run["gpu"])
        hours = float(run["gpu_hours"])
        twice += middle / 2 <= hours <= middle * 2
        print(f"{run['name']:28} published / middle {hours / middle:.2f}")
        if not low <= hours <= high:
            outside.add(run["name"])
    assert outside == {"Llama 3.2 1B", "Llama 3.2 3B"}
    assert twice >= len(rows("training_runs")) - 2


def test_the_band_is_narrow_and_ordered() -> None:
    for gpu, parameters, tokens in itertools.product(TRAINING["GPUS"], (1, 7e9, 1e15), (1, 2e12, 1e18)):
        low, middle, high = training_gpu_hours(parameters, tokens, gpu)
        assert 0 < low < middle < high <= 4 * low and math.isfinite(high)
    low, middle, high = training_gpu_hours(7e9, 1e12, "H100", utilisation=0.4)
    assert low == middle == high == pytest.approx(6 * 7e9 * 1e12 / (989e12 * 0.4) / 3600)


def test_the_table_of_hardware_is_the_calculators() -> None:
    """The picture of page 9.5 reads the table: it draws what the calculator says."""
    told = {
        row["gpu"]: (
            round(float(row["peak_tflops"]) * 1e12),
            (float(row["low"]), float(row["mid"]), float(row["high"])),
            float(row["watts"]),
        )
        for row in rows("gpus")
    }
    assert told == TRAINING["GPUS"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("V100", "V100"),
        ("a100", "A100"),
        ("A100-40GB", "A100"),
        ("A100 80GB", "A100"),
        ("H100-80GB", "H100"),
        ("NVIDIA H100 SXM", "H100"),
        ("H800", "H800"),
        ("laptop CPU", "laptop CPU"),
        ("CPU", "laptop CPU"),
    ],
)
def test_names_of_hardware(name: str, known: str) -> None:
    assert TRAINING["find_gpu"](name) == known


WRONG = [0, -1, float("nan"), float("inf"), 1e30, "7e9", True, None]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_what_is_no_count_is_refused_by_name(wrong: Any) -> None:
    calls = [
        ("parameters", lambda: training_gpu_hours(wrong, 1e12, "A100")),
        ("tokens", lambda: training_gpu_hours(7e9, wrong, "A100")),
        ("parameters", lambda: MEMORY["training_memory"](wrong, "full", 32, 4096, 32, 2048)),
        ("layers", lambda: MEMORY["training_memory"](7e9, "lora", wrong, 4096, 32, 2048)),
        ("kv_heads", lambda: serving_memory(7e9, 32, wrong, 128, 4096)),
        ("tokens", lambda: BILLS["requests_until_serving_overtakes"](wrong, 100)),
        ("written", lambda: BILLS["monthly_bill"](1e6, 500, wrong, BILLS["PRICES"])),
        ("large", lambda: BILLS["monthly_bill"](1e6, 500, 200, {**BILLS["PRICES"], "large": wrong})),
    ]
    if wrong is not None:
        calls.append(("utilisation", lambda: training_gpu_hours(7e9, 1e12, "A100", utilisation=wrong)))
    for name, call in calls:
        if name == "utilisation" and wrong is True:
            continue
        with pytest.raises(ValueError) as error:
            call()
        assert f"`{name}` is {wrong!r}" in str(error.value) and "\n" not in str(error.value)


def test_numbers_of_numpy_are_numbers() -> None:
    """What a reader takes from a table is seldom a plain int."""
    plain = training_gpu_hours(7_000_000_000, 1e12, "A100")
    assert training_gpu_hours(np.int64(7_000_000_000), np.float64(1e12), "A100") == plain
    assert serving_memory(np.float32(7e9), np.int64(32), 8, 128, 4096)["total"] > 14


@pytest.mark.parametrize("gpu", ["RTX 4090", "", "A1000", "h1000", None])
def test_hardware_without_figures_is_refused(gpu: Any) -> None:
    with pytest.raises(ValueError, match=r"no figure for the GPU .* take V100, A100, H100, H800, laptop CPU"):
        training_gpu_hours(7e9, 1e12, gpu)


def test_the_bill_is_that_of_a_published_run() -> None:
    """LLaMA 7B: 36 MWh and 14 t CO2eq, Touvron et al. 2023, table 15."""
    bill = TRAINING["training_bill"](82_432, "A100")
    assert bill["kwh"] == pytest.approx(36_000, rel=0.02)
    assert bill["kg_co2eq"] == pytest.approx(14_000, rel=0.02)
    assert TRAINING["training_bill"](82_432, "A100", price=0, carbon=0)["dollars"] == 0


def test_memory_is_what_peft_measured() -> None:
    for row in rows("memory"):
        shape = {key: int(row[key]) for key in ("layers", "width", "heads")}
        memory = MEMORY["training_memory"](
            float(row["parameters"]),
            row["method"],
            **shape,
            context=50,
            batch=8,
            base_bytes=4,
            activation_bytes=4,
        )
        if row["measured_gb"] == "out of memory":
            assert memory["total"] > 80, "it did not fit into 80 GB"
        else:
            assert memory["total"] == pytest.approx(float(row["measured_gb"]), rel=0.05)


def test_cheaper_methods_need_less() -> None:
    shape = {"layers": 32, "width": 4096, "heads": 32, "context": 2048}
    totals = [MEMORY["training_memory"](8e9, way, **shape)["states"] for way in ("mixed", "lora", "qlora")]
    assert totals == sorted(totals, reverse=True)
    plain = MEMORY["training_memory"](8e9, "mixed", **shape)
    thrifty = MEMORY["training_memory"](8e9, "mixed", checkpointing=True, **shape)
    assert thrifty["activations"] < plain["activations"] / 8 and thrifty["states"] == plain["states"]
    # 18 bytes a parameter, github.com/stas00/ml-engineering; QLoRA fits 65B into 48 GB.
    assert plain["states"] == pytest.approx(144)
    llama = {"layers": 80, "width": 8192, "heads": 64, "context": 512, "fused_attention": True}
    guanaco = MEMORY["training_memory"](65.2e9, "qlora", checkpointing=True, rank=64, adapted=7, **llama)
    assert guanaco["total"] < 52
    with pytest.raises(ValueError, match="no method 'lor': take full, mixed, lora, qlora"):
        MEMORY["training_memory"](8e9, "lor", **shape)


def test_the_cache_counts_keys_and_values_and_shared_heads() -> None:
    shared = serving_memory(8.03e9, 32, 8, 128, context=1)["cache"]
    assert shared == pytest.approx(131_072 / 1e9)
    assert serving_memory(6.74e9, 32, 32, 128, context=1)["cache"] == pytest.approx(4 * shared)
    assert serving_memory(8.03e9, 32, 8, 128, 4096, batch=16, weight_bits=4)["weights"] == pytest.approx(
        4.015
    )


def test_the_break_even_is_where_the_bills_cross() -> None:
    prices = BILLS["PRICES"]
    for read, written in itertools.product((50, 500, 5000), (20, 200, 2000)):
        for way in ("own server", "fine-tuned"):
            needed = BILLS["break_even"](way, read, written, prices)
            if needed is None:
                bill = BILLS["monthly_bill"](1e10, read, written, prices)
                assert bill["API"] < bill[way]
                continue
            at = BILLS["monthly_bill"](needed, read, written, prices)
            below = BILLS["monthly_bill"](needed - 1, read, written, prices)
            assert at[way] <= at["API"] and below[way] > below["API"]
    free = {**prices, "input": 0, "output": 0}
    assert BILLS["break_even"]("own server", 500, 200, free) is None


def test_when_serving_overtakes_does_not_depend_on_the_size() -> None:
    assert BILLS["requests_until_serving_overtakes"](2e12, 1000) == 6e9
