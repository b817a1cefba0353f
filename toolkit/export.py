"""Embedded weights -> what the page runs: ONNX graphs in 8 bit, a tokenizer, and the digits.

A matrix keeps one scale a row, and what flows into it is rounded to 8 bit as well, each token between its
own least and largest value. That is what onnxruntime's WebAssembly multiplies fastest, and unlike the usual
dynamic quantisation, with one scale for a whole sentence, it leaves an embedding where it was:
`tests/test_export.py` holds it to a cosine of 0.99. Every file is compressed here, so that a reader
downloads the same few bytes from any host.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit import families, hub
from toolkit.book import Book

MODELS = {
    "all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2",
    "sentiment-head": "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
}
"""Name in the page -> id in the catalog."""


def key(book: Book) -> str:
    """Changes whenever what `export` writes would: weights, libraries, or the exporters themselves."""
    catalog = hub.read_catalog(book)
    parts = [catalog[name].key for name in (*MODELS.values(), *families.FAMILIES.values())]
    parts += families.sources(book)
    # Asked of the metadata: each build asks, and to import both takes seconds.
    parts += [importlib.metadata.version(name) for name in ("onnx", "scikit-learn")]
    parts += [
        file.read_text(encoding="utf-8") for file in (Path(__file__), Path(__file__).parent / "bert.py")
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def export(book: Book, folder: Path) -> dict[str, Any]:
    """Write all files into `folder` and return the manifest, which says what is needed for what.

    Raises HubError if weights are missing or not those that the catalog names.
    """
    from toolkit.bert import Bert, network

    catalog = hub.read_catalog(book)
    models = {name: catalog[id_] for name, id_ in MODELS.items()}
    cache = hub.lay_out(book, models.values())
    drawn = {}
    for name, model in models.items():
        snapshot = cache / model.cache_name / "snapshots" / model.revision
        drawn[name] = network(Bert.read(snapshot))
    # Layers that two models share are one file, which the browser keeps for both.
    digests = [{_digest(tensor) for tensor in graph.tensors.values()} for graph in drawn.values()]
    common = set.intersection(*digests)

    writer = _Writer(folder)
    manifest: dict[str, Any] = {"models": {}, "digits": writer.write("digits", _digits())}
    words = writer.write("wordpiece", _tokenizer(models["all-MiniLM-L6-v2"].source(book)))
    for name, graph in drawn.items():
        parts: dict[str, dict[str, Any]] = {"shared": {}, "own": {}}
        for title, tensor in graph.tensors.items():
            # What is small stays in the graph, where onnxruntime looks for axes and the like.
            if tensor.nbytes >= 1024:
                parts["shared" if _digest(tensor) in common else "own"][title] = tensor
        contents = {part: b"".join(map(_bytes, held.values())) for part, held in parts.items()}
        stems = {"shared": "minilm-layers", "own": name}
        model = models[name]
        manifest["models"][name] = {
            "graph": writer.write(f"{name}-graph", graph.proto(parts)),
            "parts": {part: writer.write(stems[part], content) for part, content in contents.items()},
            "tokenizer": words,
            "labels": graph.labels,
            "id": model.id,
            "parameters": model.embedded["parameters"],
            "original": bool(model.embedded.get("original")),
        }
    manifest["families"] = families.export(book, writer.write)
    manifest["extras"] = families.extras(book, writer.write)
    manifest["bytes"] = writer.sizes
    return manifest


@dataclass
class _Writer:
    """Names files after their content, so that a browser may keep one for ever."""

    folder: Path
    sizes: dict[str, list[int]] = field(default_factory=dict)
    """File -> bytes sent, bytes unpacked."""

    def write(self, stem: str, content: bytes) -> str:
        name = f"{stem}-{hashlib.sha256(content).hexdigest()[:10]}.bin"
        if name not in self.sizes:
            packed = gzip.compress(content, compresslevel=6, mtime=0)
            (self.folder / name).write_bytes(packed)
            self.sizes[name] = [len(packed), len(content)]
        return name


def _bytes(tensor: Any) -> bytes:
    return bytes(tensor.tobytes())


def _digest(tensor: Any) -> str:
    return hashlib.sha256(f"{tensor.dtype}{tensor.shape}".encode() + _bytes(tensor)).hexdigest()


def _tokenizer(source: Path) -> bytes:
    """Both files that @huggingface/tokenizers wants; cutting and padding are the caller's, as in Python."""
    words = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    words["truncation"] = words["padding"] = None
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    return json.dumps({"tokenizer": words, "config": config}, separators=(",", ":")).encode()


def digits() -> tuple[Any, Any, Any, Any]:
    """Scikit-learn's digits as `train_test_split(..., test_size=360, random_state=0)` cuts them.

    Returns pixels (images, 64), 0 to 16, and labels, both uint8: to learn from, then to be tested by.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(pixels, labels, test_size=360, random_state=0)
    return x.astype("uint8"), y.astype("uint8"), x_test.astype("uint8"), y_test.astype("uint8")


def _digits() -> bytes:
    """uint32 counts of both halves; pixels and labels of each; then the trained network's float32 weights."""
    import numpy

    x, y, x_test, y_test = digits()
    counts = numpy.array([len(x), len(x_test)], dtype="<u4")
    # The weights start at a multiple of four bytes, as a Float32Array must.
    body = b"".join(map(_bytes, _plain((counts, x, y, x_test, y_test))))
    padding = b"\0" * (-len(body) % 4)
    return body + padding + b"".join(_bytes(weights.astype("<f4")) for weights in forge(x / 16, y))


def _plain(arrays: Iterable[Any]) -> Iterable[Any]:
    return (array.ravel() for array in arrays)


def forge(x: Any, y: Any, hidden: int = 32, steps: int = 300, rate: float = 0.01) -> list[Any]:
    """Train 64 -> `hidden` ReLU -> 10 on all of x (images, 64) with Adam (Kingma and Ba 2015, algorithm 1).

    Returns [W1 (hidden, 64), b1, W2 (10, hidden), b2] in single precision. The page's own trainer,
    `web/src/numerics/network.ts`, takes the same steps.
    """
    import numpy

    random = numpy.random.default_rng(0)
    weights = [
        random.uniform(-1, 1, shape) / fan_in**0.5
        for shape, fan_in in (((hidden, 64), 64), ((hidden,), 64), ((10, hidden), hidden), ((10,), hidden))
    ]
    first = [numpy.zeros_like(w) for w in weights]
    second = [numpy.zeros_like(w) for w in weights]
    truth = numpy.eye(10)[y]
    for step in range(1, steps + 1):
        w1, b1, w2, b2 = weights
        inside = numpy.maximum(x @ w1.T + b1, 0)
        logits = inside @ w2.T + b2
        raised = numpy.exp(logits - logits.max(1, keepdims=True))
        error = (raised / raised.sum(1, keepdims=True) - truth) / len(x)
        back = (error @ w2) * (inside > 0)
        for i, gradient in enumerate((back.T @ x, back.sum(0), error.T @ inside, error.sum(0))):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            corrected = first[i] / (1 - 0.9**step), second[i] / (1 - 0.999**step)
            weights[i] = weights[i] - rate * corrected[0] / (numpy.sqrt(corrected[1]) + 1e-8)
    return [w.astype("float32") for w in weights]
