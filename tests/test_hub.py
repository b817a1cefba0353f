"""Embedded weights: verified before use, safetensors only, offline."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallBook
from toolkit import hub
from toolkit.book import Book

CATALOG = """
[[model]]
id = "someone/model"
revision = "0123456789012345678901234567890123456789"
licence = "Apache-2.0"
task = "text-classification"
parameters = 3
megabytes = 1

[model.embedded]
name = "small"
parameters = 3
folder = "models/small"

[model.embedded.sha256]
"{file}" = "{digest}"
"""


@pytest.fixture
def catalog(small: SmallBook) -> SmallBook:
    folder = small.root / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    write_catalog(small, "model.safetensors", hashlib.sha256(b"weights").hexdigest())
    return small


def write_catalog(small: SmallBook, file: str, digest: str) -> None:
    text = CATALOG.replace("{file}", file).replace("{digest}", digest)
    (small.root / "models" / "catalog.toml").write_text(text)


def test_the_layout_is_a_hugging_face_cache(catalog: SmallBook) -> None:
    folder = hub.lay_out(catalog.book) / "models--someone--model"
    revision = (folder / "refs" / "main").read_text()
    assert revision == "0123456789012345678901234567890123456789"
    assert (folder / "snapshots" / revision / "model.safetensors").read_bytes() == b"weights"


def test_a_mismatch_is_refused(catalog: SmallBook) -> None:
    hub.lay_out(catalog.book)
    (catalog.root / "models" / "small" / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(hub.HubError, match=r"`someone/model` is refused: .*model\.safetensors has SHA-256"):
        hub.lay_out(catalog.book)


def test_a_missing_file_is_named(catalog: SmallBook) -> None:
    (catalog.root / "models" / "small" / "model.safetensors").unlink()
    with pytest.raises(hub.HubError, match=r"model.safetensors is missing"):
        hub.lay_out(catalog.book)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "weights.pt", "head.pkl", "model.ckpt", "../etc/passwd"]
)
def test_pickles_and_strange_paths_are_refused(catalog: SmallBook, name: str) -> None:
    write_catalog(catalog, name, "0" * 64)
    with pytest.raises(hub.HubError, match="is refused; weights are safetensors"):
        hub.read_catalog(catalog.book)


def test_a_catalog_entry_is_complete(catalog: SmallBook) -> None:
    file = catalog.root / "models" / "catalog.toml"
    file.write_text(file.read_text().replace('licence = "Apache-2.0"\n', ""))
    with pytest.raises(hub.HubError, match="`someone/model` has no licence"):
        hub.read_catalog(catalog.book)


def test_the_books_own_catalog(book: Book) -> None:
    catalog = hub.read_catalog(book)
    minilm = catalog["sentence-transformers/all-MiniLM-L6-v2"]
    original = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert minilm.sha256["model.safetensors"] == original
    for model in catalog.values():
        if model.embedded["folder"].startswith("models/"):
            folder = ROOT / model.embedded["folder"]
            assert (folder / "README.md").exists(), "a model card lies beside the weights"
            assert sum(file.stat().st_size for file in folder.iterdir()) < 4_100_000
            assert (ROOT / model.embedded["trained_by"]).exists()
    sizes = [file.stat().st_size for file in (ROOT / "models").rglob("*.safetensors")]
    assert sum(sizes) < 20_000_000


def test_hub_ids_answer_without_a_network(book: Book) -> None:
    """In a process that may not open any connection."""
    code = """
import socket
def refuse(*_):
    raise OSError("no network in this test")
socket.socket.connect = refuse
from transformers import pipeline
from sentence_transformers import SentenceTransformer
answer = pipeline("sentiment-analysis", model="distilbert/distilbert-base-uncased-finetuned-sst-2-english")
print(answer("What a lovely surprise!")[0]["label"])
print(SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2").encode("hello").shape)
"""
    environment = {**os.environ, **hub.environment(book)}
    run = [sys.executable, "-c", code]
    result = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.stdout.split("\n")[:2] == ["POSITIVE", "(384,)"], result.stderr


@pytest.mark.parametrize(("form", "steps"), [("int8", 127), ("float16", 2000)])
def test_packed_weights_answer_as_the_exact_ones(tmp_path: Path, form: str, steps: int) -> None:
    import numpy
    from safetensors.numpy import load_file, save_file

    file = tmp_path / "model.safetensors"
    random = numpy.random.default_rng(0)
    exact = {
        "matrix": random.normal(size=(200, 100)).astype("float32"),
        "kernel": random.normal(size=(64, 32, 3, 3)).astype("float32"),
        "bias": random.normal(size=100).astype("float32"),
        "nothing": numpy.zeros((200, 100), "float32"),
        "scale": numpy.array(2.5, "float32"),
        "positions": numpy.arange(100),
    }
    save_file(exact, file)
    size = file.stat().st_size
    hub.pack(file, form)
    assert file.stat().st_size < size * (0.3 if form == "int8" else 0.55)
    stored, again = load_file(file), hub.unpacked(file)
    assert stored["matrix"].dtype == numpy.dtype(form) and stored["bias"].dtype == numpy.float16
    assert set(again) == set(exact) and (again["positions"] == exact["positions"]).all()
    for name in ("matrix", "kernel", "bias", "nothing", "scale"):
        assert again[name].dtype == numpy.float32 and again[name].shape == exact[name].shape
        assert numpy.abs(again[name] - exact[name]).max() <= numpy.abs(exact[name]).max() / steps


def test_packed_weights_are_offered_in_single_precision(catalog: SmallBook) -> None:
    import numpy
    from safetensors.numpy import load_file, save_file

    file = catalog.root / "models" / "small" / "model.safetensors"
    save_file({"matrix": numpy.ones((200, 100), "float32")}, file)
    hub.pack(file, "int8")
    write_catalog(catalog, "model.safetensors", hashlib.sha256(file.read_bytes()).hexdigest())
    entry = catalog.root / "models" / "catalog.toml"
    entry.write_text(
        entry.read_text().replace('folder = "models/small"', 'folder = "models/small"\nstored = "int8"')
    )
    (laid_out,) = hub.lay_out(catalog.book).rglob("model.safetensors")
    assert load_file(laid_out)["matrix"].dtype == numpy.float32
    assert numpy.allclose(load_file(laid_out)["matrix"], 1, rtol=1e-6)
    entry.write_text(entry.read_text().replace('stored = "int8"', 'stored = "int4"'))
    with pytest.raises(hub.HubError, match="`stored` is one of float32, float16, int8"):
        hub.read_catalog(catalog.book)


def test_snippet_records_name_their_weights(book: Book) -> None:
    record = json.loads((ROOT / "docs/lab/what_is_inference/classify_text.ipynb").read_text())
    (weights,) = record["metadata"]["record"]["weights"]
    assert weights["id"] == "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
    assert weights["from"] in ("embedded", "hub")


def test_recording_with_the_originals_needs_the_network_and_says_so(small: SmallBook, tmp_path: Path) -> None:
    """`--weights hub` asks the Hub; the snippet may then write into the Hugging Face cache."""
    cache = tmp_path / "author" / "huggingface"
    small.snippet(
        "asks",
        """
        # %% ask
        import os
        from pathlib import Path
        print("HF_HUB_OFFLINE" in os.environ)
        Path(os.environ["HF_HOME"], "downloaded").write_text("by the Hub's client")
        """,
    )
    os.environ["HF_HOME"] = str(cache)
    try:
        result = small.toolkit("record", "--weights", "hub")
    finally:
        del os.environ["HF_HOME"]
    assert result.returncode == 0, result.stderr
    assert (cache / "downloaded").exists()
    record = json.loads(small.record("asks").read_text())
    assert record["cells"][2]["outputs"][0]["text"] == ["False\n"]


OWN = """
[[model]]
id = "models/small"
own = true
licence = "Apache-2.0"
task = "text-classification"

[model.embedded]
name = "small"
parameters = 3
folder = "models/small"

[model.embedded.sha256]
"adapter_model.safetensors" = "{digest}"
"""


def test_the_books_own_weights_are_verified_where_they_lie(catalog: SmallBook) -> None:
    """They answer under no Hub id: the snippets name their folder."""
    adapter = catalog.root / "models" / "small" / "adapter_model.safetensors"
    adapter.write_bytes(b"adapter")
    file = catalog.root / "models" / "catalog.toml"
    file.write_text(OWN.replace("{digest}", hashlib.sha256(b"adapter").hexdigest()))
    assert list(hub.lay_out(catalog.book).iterdir()) == []
    adapter.write_bytes(b"another adapter")
    with pytest.raises(hub.HubError, match=r"`models/small` is refused: .*SHA-256"):
        hub.lay_out(catalog.book)
    adapter.unlink()
    with pytest.raises(hub.HubError, match=r"adapter_model.safetensors is missing"):
        hub.lay_out(catalog.book)
    file.write_text(OWN.replace('id = "models/small"', 'id = "someone/small"'))
    with pytest.raises(hub.HubError, match="the id of the book's own weights is their folder"):
        hub.read_catalog(catalog.book)
