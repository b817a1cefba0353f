"""What the page runs answers as the embedded weights do."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT
from toolkit import export, hub, live
from toolkit.book import Book

BOOK = Book(ROOT)


@pytest.fixture(scope="module")
def models() -> Path:
    live.build(BOOK)
    return BOOK.cache / "live" / "models"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Reviews of every kind, all from the test half."""
    reviews = pd.read_csv(ROOT / "snippets/data/reviews.csv")
    return reviews[reviews.split == "test"].text.tolist()[::8]


def session(models: Path, name: str, folder: Path) -> Any:
    import onnxruntime

    entry = json.loads((models / "manifest.json").read_text())["models"][name]
    files = {"graph.onnx": entry["graph"], **entry["parts"]}
    for place, file in files.items():
        (folder / place).write_bytes(gzip.decompress((models / file).read_bytes()))
    return onnxruntime.InferenceSession(str(folder / "graph.onnx"))


def original(name: str) -> tuple[Path, Any]:
    """The folder of the embedded weights, and their tokenizer in Python."""
    from transformers import AutoTokenizer

    model = hub.read_catalog(BOOK)[export.MODELS[name]]
    folder = hub.lay_out(BOOK, [model]) / model.cache_name / "snapshots" / model.revision
    return folder, AutoTokenizer.from_pretrained(folder)


def ask(session: Any, tokenizer: Any, text: str) -> Any:
    ids = np.array([tokenizer(text)["input_ids"]], dtype="int32")
    return session.run(None, {"tokens": ids})[0][0]


def test_embeddings_stay_where_they_were(models: Path, texts: list[str], tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel

    folder, tokenizer = original("all-MiniLM-L6-v2")
    exact, rounded = AutoModel.from_pretrained(folder).eval(), session(models, "all-MiniLM-L6-v2", tmp_path)
    cosines = []
    for text in texts:
        with torch.inference_mode():
            mean = exact(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        vector = ask(rounded, tokenizer, text)
        assert abs(np.linalg.norm(vector) - 1) < 1e-5
        cosines.append(float(vector @ (mean / mean.norm()).numpy()))
    print(f"cosine: mean {np.mean(cosines):.4f}, least {min(cosines):.4f}")
    assert np.mean(cosines) > 0.998
    assert min(cosines) > 0.99


def test_the_classifier_answers_alike(models: Path, texts: list[str], tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    folder, tokenizer = original("sentiment-head")
    exact = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rounded = session(models, "sentiment-head", tmp_path)
    differences = []
    for text in texts:
        with torch.inference_mode():
            logits = exact(**tokenizer(text, return_tensors="pt")).logits[0].numpy()
        differences.append(np.abs(ask(rounded, tokenizer, text) - logits).max())
    assert np.median(differences) < 0.1


def test_a_quarter_of_the_bytes(models: Path) -> None:
    manifest = json.loads((models / "manifest.json").read_text())
    for name, entry in manifest["models"].items():
        sent = sum(manifest["bytes"][file][0] for file in (entry["graph"], *entry["parts"].values()))
        assert sent < 0.26 * 4 * entry["parameters"], name
    shared = [entry["parts"]["shared"] for entry in manifest["models"].values()]
    assert len(set(shared)) == 1, "both models use one file of layers"
    assert manifest["bytes"][shared[0]][0] > 15e6


def test_the_trained_digits_network_is_good(models: Path) -> None:
    x, y, x_test, y_test = export.digits()
    assert (len(x), len(x_test)) == (1437, 360)
    w1, b1, w2, b2 = export.forge(x / 16, y)
    right = (np.maximum(x_test / 16 @ w1.T + b1, 0) @ w2.T + b2).argmax(1) == y_test
    assert right.mean() > 0.95


def test_an_export_is_the_same_every_time(models: Path, tmp_path: Path) -> None:
    assert export.export(BOOK, tmp_path) == json.loads((models / "manifest.json").read_text())
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (models / file.name).read_bytes()


def test_an_unchanged_build_costs_nothing(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing has changed")

    monkeypatch.setattr(export, "export", never)
    monkeypatch.setattr(live, "_run", never)
    folder = live.build(BOOK)
    assert (folder / live.loader(folder)).exists()


def test_every_demo_has_a_fence_option_and_a_page() -> None:
    from toolkit import render

    names = re.findall(r'^  "([a-z-]+)": \{$', (ROOT / "web/src/live.ts").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(render.DEMOS)
    pages = "".join(page.read_text() for page in BOOK.docs.glob("*.md"))
    assert [name for name in names if f'live="{name}"' not in pages] == []


def test_a_prose_only_author_builds_without(monkeypatch: pytest.MonkeyPatch) -> None:
    from mkdocs.config.base import load_config

    from toolkit import hooks

    monkeypatch.setattr(live, "possible", lambda book: False)
    monkeypatch.setattr(live, "build", None)
    config = load_config(str(ROOT / "mkdocs.yml"))
    hooks.on_config(config)
    assert config.extra_javascript == []
    assert hooks._live is None, "no file is added either"


def test_what_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(live.importlib.util, "find_spec", lambda name: None)
    assert not live.possible(BOOK), "a prose-only author builds without"
    with pytest.raises(live.LiveError, match=r"run `pip install -r requirements-node.txt`$"):
        live.node()
