"""What page 9.6 measures: the numbers may change with the machine, what they show may not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, python
from toolkit.book import Book
from toolkit.record import read_record
from toolkit.snippets import read

BOOK = Book(ROOT)
FOLDER = ROOT / "snippets" / "inference_considerations"


def source(name: str, cells: int) -> str:
    """The first cells of a snippet."""
    return "\n".join(cell.source for cell in read(FOLDER / f"{name}.py", BOOK).cells[:cells])


def printed(name: str) -> str:
    record = read_record(BOOK.record_file(FOLDER / f"{name}.py"), BOOK)
    return "".join(
        "".join(output["text"])
        for outputs in record.outputs.values()
        for output in outputs
        if output["output_type"] == "stream"
    )


def table(name: str) -> dict[str, list[float]]:
    """Rows of a printed table: the name, set off by two spaces or padded to its column, and the numbers."""
    rows = {}
    for line in printed(name).splitlines():
        if match := re.match(r"(\w.*?) {2,}(-?\d.*)", line):
            found = re.findall(r"(?<![\w.])-?\d[\d,]*\.?\d*", match[2])
            rows[match[1]] = [float(number.replace(",", "")) for number in found]
    return rows


@pytest.fixture(scope="module")
def live() -> Any:
    """The models of two snippets, asked here and now."""
    return python(
        """
import torch
torch.set_num_threads(1)
made = {}
exec(given["cache"], made)
made["ROOM"] = 30
texts = ["Return a list of", "The"]
def generated(text):
    asked = made["tokenizer"](text, return_tensors="pt")
    return made["model"].generate(**asked, do_sample=False, max_new_tokens=25)[0].tolist()
written = [[made["write"](text, cache)[0] for cache in (True, False)] + [generated(text)] for text in texts]
graph = {}
exec(given["graph"], graph)
kept = {name: graph["kept_bytes"](mode) for name, mode in graph["MODES"].items()}
print(json.dumps({"written": written, "kept": kept}))
""",
        {"cache": source("kv_cache", 2), "graph": source("inference_mode", 2)},
    )


def test_with_a_cache_and_without_the_same_is_written(live: Any) -> None:
    """And it is what the library writes."""
    for cached, anew, generated in live["written"]:
        assert len(cached) == 30
        assert cached == anew
        until = min(len(cached), len(generated))
        assert until > 10 and cached[:until] == generated[:until]


def test_the_cache_reads_each_token_once() -> None:
    text = printed("kv_cache")
    fed = [int(n.replace(",", "")) for n in re.findall(r"fed with.*?: ([\d,]+) tokens", text)]
    assert "the same tokens" in text
    assert fed[1] > 10 * fed[0]


def test_only_a_forgotten_mode_keeps_a_graph(live: Any) -> None:
    kept = live["kept"]
    assert kept["inference_mode"] == kept["no_grad"] == 0
    assert kept["forgotten"] > 1e6


def test_answers_kept_with_their_graphs_fill_the_memory() -> None:
    more = dict(re.findall(r"(\w+) +(-?\d+) MB more", printed("inference_mode")))
    assert int(more["forgotten"]) > 5 * max(1, int(more["inference_mode"]))


def test_fewer_bits_are_smaller_and_answer_alike() -> None:
    rows = table("precision_measured")
    size = {form: row[0] for form, row in rows.items()}
    right = {form: row[2] for form, row in rows.items()}
    alike = {form: row[3] for form, row in rows.items()}
    assert size["int2.onnx"] < size["int4.onnx"] < size["int8.onnx"] < size["bf16"] < size["fp32"]
    assert alike["fp32.onnx"] == 100
    assert alike["bf16"] > 99
    assert alike["int8-rows.onnx"] > alike["int8.onnx"], "a scale for each row is the better one"
    assert min(alike[form] for form in ("int8-rows.onnx", "int4.onnx")) > 95
    assert right["int2.onnx"] < right["int4.onnx"], "the cliff"


def test_sorting_by_length_spares_padding() -> None:
    tokens = re.findall(r"(as they come|by length) +([\d,]+) tokens", printed("latency_and_batch"))
    computed = {order: int(number.replace(",", "")) for order, number in tokens}
    assert computed["by length"] < 0.7 * computed["as they come"]


def test_the_parts_of_a_cold_start_add_up() -> None:
    rows = table("cold_start")
    whole, second = rows.pop("to the first answer")[0], rows.pop("second answer")[0]
    assert list(rows) == [
        *("start Python", "import torch", "import transformers", "load the weights", "first answer")
    ]
    assert sum(row[0] for row in rows.values()) == pytest.approx(whole, abs=len(rows))
    assert sum(row[1] for row in rows.values()) == pytest.approx(100, abs=len(rows))
    assert second < whole / 10
    assert "NEGATIVE" in printed("cold_start")


def test_memory_is_never_less_than_the_weights() -> None:
    text = printed("memory_of_inference")
    weights = int(re.findall(r"by arithmetic: (\d+) MB", text)[0])
    peaks = [int(peak) for peak in re.findall(r"in all +(\d+) MB", text)]
    assert peaks == sorted(peaks)
    assert weights == 91  # 22.7 million numbers of four bytes
    assert peaks[-1] > weights


def test_no_engine_was_left_out() -> None:
    """That all give the same answer the snippet asserts itself."""
    rows = table("engines")
    for engine in ("eager", "ONNX Runtime", "torch.compile"):
        assert len(rows[engine]) == 2 and min(rows[engine]) > 0


@pytest.fixture
def meter(tmp_path: Path) -> Any:
    """The first cell of energy.py, pointed at a processor that the test moves."""
    made: dict[str, Any] = {}
    exec(source("energy", 1), made)
    made["METERS"] = tmp_path
    return made


def plug_in(folder: Path, drawn: int, turns: int) -> Path:
    package = folder / "intel-rapl:0"
    package.mkdir()
    (package / "energy_uj").write_text(str(drawn))
    (package / "max_energy_range_uj").write_text(str(turns))
    return package / "energy_uj"


def test_energy_is_measured_where_a_meter_can_be_read(meter: Any, tmp_path: Path) -> None:
    file = plug_in(tmp_path, 1_000_000, 10_000_000)
    assert meter["joules"](lambda: file.write_text("3500000")) == (2.5, "measured")
    # The counter starts anew when it is full.
    assert meter["joules"](lambda: file.write_text("500000")) == (7.0, "measured")


def test_energy_without_a_meter_says_that_it_is_estimated(meter: Any) -> None:
    drawn, how = meter["joules"](lambda: sum(range(2_000_000)))
    assert how == "estimated"
    assert 0 < drawn < 100


def test_the_energy_record_says_how_it_knows() -> None:
    text = printed("energy")
    assert ("estimated from CPU seconds" in text) != ("measured at the processor" in text)
    drawn = {name: float(kwh) for name, kwh in re.findall(r"(.+?) +([\d.]+) kWh", text)}
    assert len(drawn) == 3
    assert drawn["classify, batches of 50"] < drawn["classify, one by one"]
