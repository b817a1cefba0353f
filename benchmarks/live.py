"""Measure the demos in the page: against native onnxruntime, and against transformers.js with the same model.

    npm ci --ignore-scripts --prefix benchmarks/live && python benchmarks/live.py

All in one Chromium, one after the other, on one thread each. transformers.js gets the very graph that the
page runs, with the three inputs that it insists on; its own script is bundled, and its WebAssembly is the
build that it comes with. Neither server compresses anything. Bytes are what the browser reports to have
received from the press of the button on; "first answer" ends when the first label is there.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from toolkit import browser, export, hub
from toolkit.bert import Bert, network
from toolkit.book import Book
from toolkit.record import machine

BOOK = Book.locate()
NAME = "sentiment-head"


def texts(count: int) -> list[str]:
    import pandas

    reviews = pandas.read_csv(BOOK.snippets / "data" / "reviews.csv")
    return list(reviews[reviews.split == "test"].text)[::5][:count]


def snapshot() -> Path:
    model = hub.read_catalog(BOOK)[export.MODELS[NAME]]
    return hub.lay_out(BOOK, [model]) / model.cache_name / "snapshots" / model.revision


def native(sentences: list[str]) -> list[float]:
    """Milliseconds a sentence in Python, tokenizer included, as in the page."""
    import numpy
    import onnxruntime
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(snapshot() / "tokenizer.json"))
    words.no_padding()
    words.no_truncation()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(whole_graph(), options)

    def answer(text: str) -> None:
        session.run(None, {"tokens": numpy.array([words.encode(text).ids], "int32")})

    answer(sentences[0])
    taken = []
    for text in sentences:
        begun = time.perf_counter()
        answer(text)
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def whole_graph() -> bytes:
    return network(Bert.read(snapshot())).proto({})


def for_transformers_js(folder: Path) -> None:
    """The same graph where transformers.js looks for it, with int64 ids, and a mask and types to ignore."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(whole_graph())
    graph = model.graph
    del graph.input[:]
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]))
    graph.node.insert(0, helper.make_node("Cast", ["input_ids"], ["tokens"], to=TensorProto.INT32))
    graph.node[-1].output[0] = graph.output[0].name = "logits"
    (folder / "onnx").mkdir(parents=True)
    onnx.save(model, folder / "onnx" / "model_quantized.onnx")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(snapshot() / name, folder / name)


def baseline(folder: Path) -> None:
    """A page with transformers.js in it."""
    modules = BOOK.root / "benchmarks" / "live" / "node_modules"
    if not modules.exists():
        sys.exit("first: npm ci --ignore-scripts --prefix benchmarks/live")
    for_transformers_js(folder / "models" / NAME)
    esbuild = BOOK.root / "web" / "node_modules" / "esbuild" / "bin" / "esbuild"
    entry = BOOK.root / "benchmarks" / "live" / "baseline.js"
    options = [
        "--bundle",
        "--minify",
        "--format=esm",
        "--log-level=error",
        f"--outfile={folder / 'baseline.js'}",
    ]
    subprocess.run([str(esbuild), str(entry), *options], check=True)
    (folder / "ort").mkdir()
    for file in (modules / "onnxruntime-web" / "dist").glob("ort-wasm-*"):
        shutil.copyfile(file, folder / "ort" / file.name)
    (folder / "index.html").write_text("<!doctype html><title>baseline</title>", encoding="utf-8")


OURS = """
const host = document.querySelector("live-classifier");
const root = host.shadowRoot;
const start = async () => {
    root.querySelector("button.main").click();
    while (!root.querySelector("textarea")?.checkVisibility()) await new Promise(next => setTimeout(next, 5));
};
const ask = text => new Promise(done => {
    host.addEventListener("live-answer", ({ detail }) => done(detail.label), { once: true });
    root.querySelector("textarea").value = text;
    root.querySelector("textarea").dispatchEvent(new Event("input"));
});"""

THEIRS = """
const start = async () => {
    await import("/baseline.js");
    await window.load();
};
const ask = async text => (await window.classify(text))[0].label;"""

CLOCK = """
const begun = performance.now();
await start();
const label = await ask(texts[0]);
const first = performance.now() - begun;
const each = [];
let late = 0, frames = 0, last = performance.now(), watching = true;
requestAnimationFrame(function tick(now) {
    frames += 1;
    late += now - last > 50;
    last = now;
    if (watching) requestAnimationFrame(tick);
});
for (const text of texts) {
    const asked = performance.now();
    await ask(text);
    each.push(performance.now() - asked);
}
watching = false;
return { label, first, each, late, frames };"""
"""What is timed, alike for both: each says how it starts and how it is asked."""


def measure(chromium: Any, address: str, program: str, sentences: list[str]) -> dict[str, Any]:
    """One cold visit: nothing in the browser's cache."""
    context = chromium.new_context()
    tab = context.new_page()
    tab.set_default_timeout(180_000)
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    received: list[Any] = []
    context.on("requestfinished", lambda request: received.append(request))
    found = dict(tab.evaluate(f"async texts => {{{program}{CLOCK}}}", sentences))
    found["bytes"] = sum(request.sizes()["responseBodySize"] for request in received)
    context.close()
    return found


def teach(chromium: Any, address: str) -> list[float]:
    """Milliseconds that the page reports for training on 20 examples, five times."""
    tab = chromium.new_context().new_page()
    tab.set_default_timeout(180_000)
    tab.goto(address + "what-is-training/")
    element = tab.locator("teach-it")
    element.locator("button.main").click()
    element.get_by_label("Examples").first.wait_for()
    for index, group in enumerate(element.get_by_label("Examples").all()):
        lines = group.input_value().splitlines()
        group.fill("\n".join(lines + [f"{line} Really." for line in lines][: 3 if index < 2 else 2]))
    found = []
    for _ in range(5):
        element.locator("button.main").click()
        element.get_by_role("button", name="Train again", exact=True, disabled=False).wait_for()
        row = element.get_by_role("row", name="Training").inner_text()
        found.append(float(row.split("\t")[1].split(" ms")[0]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=150)
    parser.add_argument("--visits", type=int, default=3)
    options = parser.parse_args()
    sentences = texts(options.sentences)
    executable = str(browser.find())

    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site, other = Path(folder, "site"), Path(folder, "other")
        other.mkdir()
        baseline(other)
        build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(site)]
        subprocess.run(build, cwd=BOOK.root, check=True)
        chromium = playwright.chromium.launch(executable_path=executable, args=browser.ARGUMENTS)
        with browser.serve(site) as ours, browser.serve(other) as theirs:
            rows: dict[str, list[dict[str, Any]]] = {"this site": [], "transformers.js": []}
            alone: list[list[float]] = []
            # In turn, so that a busy minute of the machine falls on all of them.
            for _ in range(options.visits):
                alone.append(native(sentences))
                page = ours + "what-is-inference/"
                rows["this site"].append(measure(chromium, page, OURS, sentences))
                rows["transformers.js"].append(measure(chromium, theirs, THEIRS, sentences))
            training = teach(chromium, ours)
        chromium.close()
    report(alone, rows, training, len(sentences))


def report(
    alone: list[float], rows: dict[str, list[dict[str, Any]]], training: list[float], count: int
) -> None:
    def middle(visits: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float:
        return statistics.median(map(value, visits))

    print(f"{machine()}; {count} sentences, the median of {len(alone)} cold visits\n")

    # On a machine that others use too, the fastest tenth says what the work takes, the median what you wait.
    def tenth(each: list[float]) -> float:
        return statistics.quantiles(each, n=10)[0]

    print("| | ms a sentence | in the fastest tenth | first answer, s | MB received | frames over 50 ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    fastest = min(map(tenth, alone))
    median = statistics.median(map(statistics.median, alone))
    print(f"| native onnxruntime, one thread | {median:.1f} | {fastest:.1f} | | | |")
    for name, visits in rows.items():
        each = middle(visits, lambda visit: statistics.median(visit["each"]))
        first = middle(visits, lambda visit: visit["first"]) / 1000
        megabytes = middle(visits, lambda visit: visit["bytes"]) / 1e6
        late = f"{middle(visits, lambda visit: visit['late']):.0f} of "
        late += f"{middle(visits, lambda visit: visit['frames']):.0f}"
        fastest = min(tenth(visit["each"]) for visit in visits)
        print(f"| {name} | {each:.1f} | {fastest:.1f} | {first:.2f} | {megabytes:.1f} | {late} |")
    labels = {visit["label"] for visits in rows.values() for visit in visits}
    assert len(labels) == 1, "both give the same label"
    print(f"\nTraining a head on 20 examples: {', '.join(f'{each:.1f}' for each in training)} ms")


if __name__ == "__main__":
    main()
