"""Lay the embedded weights out as a Hugging Face cache, so that Hub ids answer offline."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from toolkit.book import Book, BookError

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".joblib", ".h5", ".msgpack"}


_SCALE = ".row_scale"
"""A tensor under `name` + this holds what to multiply each row of the int8 tensor `name` with."""

_FORMS = ("float32", "float16", "int8")
"""How embedded weights may be stored; whatever the form, they are offered in single precision."""


class HubError(BookError):
    """Weights that can't be used, and why."""


@dataclass(frozen=True)
class Model:
    """One entry of the catalog: a Hub id and the weights that answer under it."""

    id: str
    entry: dict[str, Any]

    @property
    def own(self) -> bool:
        """Whether this book alone has them: no Hub id, the snippets name the folder in `models/`."""
        return bool(self.entry.get("own"))

    @property
    def revision(self) -> str:
        """The Hub's commit, 40 hexadecimal digits."""
        return str(self.entry["revision"])

    @property
    def embedded(self) -> dict[str, Any]:
        return dict(self.entry["embedded"])

    @property
    def sha256(self) -> dict[str, str]:
        """File name -> SHA-256 of each embedded file, in hexadecimal."""
        return dict(self.embedded["sha256"])

    @property
    def stored(self) -> str:
        """One of `_FORMS`."""
        return str(self.embedded.get("stored", "int8" if "base" in self.embedded else "float32"))

    @cached_property
    def key(self) -> str:
        """Changes whenever anything about the entry does."""
        return hashlib.sha256(json.dumps(self.entry, sort_keys=True).encode()).hexdigest()

    @property
    def cache_name(self) -> str:
        return "models--" + self.id.replace("/", "--")

    def source(self, book: Book) -> Path:
        """The folder that the embedded files lie in. Raises HubError if its package is missing."""
        if package := self.embedded.get("package"):
            try:
                files = importlib.metadata.distribution(package)
            except importlib.metadata.PackageNotFoundError:
                reason = f"`{self.id}` comes from the package `{package}`, which is not installed"
                raise HubError(f"{reason}: run `make setup`") from None
            return Path(str(files.locate_file(self.embedded["folder"])))
        return book.root / self.embedded["folder"]


def read_catalog(book: Book) -> dict[str, Model]:
    """Hub id -> model. Raises HubError, naming the entry, for what the book does not allow."""
    file = book.models / "catalog.toml"
    if not file.exists():
        return {}
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("model", [])
    except tomllib.TOMLDecodeError as error:
        raise HubError(f"models/catalog.toml: {error}") from None
    catalog = {}
    for entry in entries:
        name = entry.get("id", "?")
        place = f"models/catalog.toml: `{name}`"
        embedded = entry.get("embedded", {})
        own = entry.get("own")
        of_the_hub = set() if own else {"revision", "parameters"}
        missing = ({"id", "licence", "task", "embedded"} | of_the_hub) - set(entry)
        missing |= {"name", "folder", "sha256", "parameters"} - set(embedded)
        if missing:
            raise HubError(f"{place} has no {', '.join(sorted(missing))}")
        if own and name != embedded["folder"]:
            raise HubError(f"{place}: the id of the book's own weights is their folder")
        if not own and not re.fullmatch(r"[0-9a-f]{40}", entry["revision"]):
            raise HubError(f"{place}: a revision is a commit of 40 hexadecimal digits")
        if embedded.get("stored", "int8") not in _FORMS:
            raise HubError(f"{place}: `stored` is one of {', '.join(_FORMS)}")
        for path in embedded["sha256"]:
            if Path(path).suffix in _PICKLES or path.startswith(("/", "..")):
                raise HubError(f"{place}: `{path}` is refused; weights are safetensors")
        catalog[name] = Model(name, entry)
    for model in catalog.values():
        base = model.embedded.get("base")
        if base is not None and base not in catalog:
            raise HubError(
                f"models/catalog.toml: `{model.id}` stands on `{base}`, which is not in the catalog"
            )
    return catalog


def environment(book: Book, weights: str = "embedded") -> dict[str, str]:
    """Environment variables under which the Hub's ids are answered.

    `weights` is "embedded" (offline, from the catalog) or "hub" (the originals, over the network).
    Raises HubError if embedded weights are missing or not those that the catalog names.
    """
    if weights == "hub":
        # Every Python process below refuses what came damaged: see `toolkit.downloads`.
        startup = [str(Path(__file__).parent / "startup"), os.environ.get("PYTHONPATH", "")]
        home = os.environ.get("HF_HOME", str(Path.home() / ".cache" / "huggingface"))
        return {
            "BOOK_WEIGHTS": weights,
            "HF_HOME": home,
            "HF_HUB_CACHE": os.environ.get("HF_HUB_CACHE", os.path.join(home, "hub")),
            "PYTHONPATH": os.pathsep.join(filter(None, startup)),
        }
    folder = lay_out(book)
    return {
        "BOOK_WEIGHTS": weights,
        "HF_HOME": str(folder.parent),
        "HF_HUB_CACHE": str(folder),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }


def lay_out(book: Book, models: Iterable[Model] | None = None) -> Path:
    """Bring the cache folder up to date and return it.

    Each file is compared with its SHA-256 before it is offered; a folder that was offered
    already is compared again when the size or the time of one of its files has changed.
    """
    catalog = read_catalog(book)
    folder = book.cache / "huggingface" / "hub"
    folder.mkdir(parents=True, exist_ok=True)
    for model in catalog.values() if models is None else models:
        if model.own:
            for name, digest in model.sha256.items():
                _verify(model, model.source(book) / name, digest)
        else:
            _lay_out_model(model, catalog, book, folder)
    return folder


def _lay_out_model(model: Model, catalog: dict[str, Model], book: Book, folder: Path) -> None:
    source = model.source(book)
    base = model.embedded.get("base")
    parts = [(source / name, digest) for name, digest in model.sha256.items()]
    if base:
        base_model = catalog[base]
        parts += [(base_model.source(book) / name, digest) for name, digest in base_model.sha256.items()]
    target = folder / model.cache_name
    stamp = {"key": model.key, "files": [[str(file), *_stat(file)] for file, _ in parts]}
    stamp_file = target / "verified.json"
    if stamp_file.exists() and json.loads(stamp_file.read_text()) == stamp:
        return
    for file, digest in parts:
        _verify(model, file, digest)

    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder))
    snapshot = staging / "snapshots" / model.revision
    snapshot.mkdir(parents=True)
    if base:
        for name in base_model.sha256:
            if name.startswith(("tokenizer", "vocab", "special_tokens")):
                _link(base_model.source(book) / name, snapshot / name)
        _compose(base_model.source(book), source, str(model.embedded.get("prefix", "")), snapshot)
    else:
        for name in model.sha256:
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".safetensors") and model.stored != "float32":
                _write_tensors(unpacked(source / name), snapshot / name)
            else:
                _link(source / name, snapshot / name)
    (staging / "refs").mkdir()
    (staging / "refs" / "main").write_text(model.revision)
    (staging / "verified.json").write_text(json.dumps(stamp))
    shutil.rmtree(target, ignore_errors=True)
    try:
        staging.rename(target)
    except OSError:  # another process laid out the same model in the meantime
        shutil.rmtree(staging)


def _stat(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except FileNotFoundError:
        raise HubError(f"{file} is missing") from None
    return found.st_size, found.st_mtime_ns


def _verify(model: Model, file: Path, digest: str) -> None:
    _stat(file)
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != digest:
        raise HubError(
            f"`{model.id}` is refused: {file} has SHA-256 {found[:12]}…, the catalog says {digest[:12]}…"
        )


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source)
    except OSError:  # Windows without developer mode
        shutil.copyfile(source, target)


def _compose(base: Path, head: Path, prefix: str, snapshot: Path) -> None:
    """One checkpoint from a base model and the tensors of a head; the head's win."""
    from safetensors.numpy import load_file

    config = json.loads((head / "config.json").read_text(encoding="utf-8"))
    layers = int(config.get("num_hidden_layers", 1000))
    tensors = {prefix + name: tensor for name, tensor in load_file(base / "model.safetensors").items()}
    # A head may stand on the base's lower layers alone.
    tensors = {name: tensor for name, tensor in tensors.items() if _layer(name) < layers}
    tensors |= unpacked(head / "head.safetensors")
    _write_tensors(tensors, snapshot / "model.safetensors")
    shutil.copyfile(head / "config.json", snapshot / "config.json")


def _layer(name: str) -> int:
    match = re.search(r"\.layer\.(\d+)\.", name)
    return int(match[1]) if match else -1


def pack(file: Path, form: str) -> None:
    """Store single precision in less: `form` is "float16" (half) or "int8" (a quarter).

    In int8, matrices get one scale a row and what is small stays in half precision; the answers are
    all but equal.
    """
    import numpy
    from safetensors.numpy import load_file, save_file

    if form == "float32":
        return
    packed = {}
    for name, tensor in load_file(file).items():
        if tensor.dtype not in (numpy.float32, numpy.float16):
            packed[name] = tensor
        elif form == "float16" or tensor.ndim < 2 or tensor.size < 10_000:
            packed[name] = tensor.astype("float16")
        else:
            exact = tensor.astype("float32")
            scale = numpy.abs(exact).max(axis=tuple(range(1, exact.ndim)), keepdims=True) / 127
            packed[name] = numpy.rint(exact / numpy.where(scale == 0, 1, scale)).astype("int8")
            packed[name + _SCALE] = scale
    save_file(packed, file)
    file.chmod(0o644)


def unpacked(file: Path) -> dict[str, Any]:
    """Tensors of a packed file, in single precision again."""
    import numpy
    from safetensors.numpy import load_file

    stored = load_file(file)
    return {
        # asarray: NumPy makes a plain number of what has no dimension
        name: numpy.asarray(tensor.astype("float32") * stored.get(name + _SCALE, 1))
        if _is_packed(tensor)
        else tensor
        for name, tensor in stored.items()
        if not name.endswith(_SCALE)
    }


def _is_packed(tensor: Any) -> bool:
    return str(tensor.dtype) in ("int8", "float16")


def _write_tensors(tensors: dict[str, Any], file: Path) -> None:
    from safetensors.numpy import save_file

    save_file(tensors, file, metadata={"format": "pt"})


def model_card(entry: Any, book: Book) -> str:
    """What the weights are, and what their training printed: taken from its record."""
    embedded = entry["embedded"]
    trainer = book.root / embedded["trained_by"]
    notebook = json.loads(book.record_file(trainer).read_text(encoding="utf-8"))
    about = notebook["metadata"]["record"]
    printed = "\n".join(
        "".join(output["text"]).rstrip()
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    )
    base = f", on top of `{embedded['base']}`" if "base" in embedded else ""
    use = "Loaded from" if entry.get("own") else "Answers offline under"
    return (
        f"# {embedded['name']}\n\n{embedded['card'].strip()}\n\n"
        f"- {use}: `{entry['id']}`\n"
        f"- Task: {entry['task']}\n"
        f"- Size: {embedded['parameters']:,} parameters{base}\n"
        f"- Trained by: `{embedded['trained_by']}` in {about['seconds']:.0f} s on {about['machine']}\n"
        f"- Data: {', '.join(f'`{path}`' for path in about['files']) or 'made by the snippet'}\n"
        f"- Licence: {entry['licence']}\n\n"
        f"## What its training printed\n\n```text\n{printed}\n```\n"
    )


def adopt_trained(book: Book) -> list[str]:
    """Move freshly trained weights from the cache into `models/` and note their SHA-256.

    Returns a line for each model. A training snippet saves under `trained/<name>/`.
    """
    import tomlkit

    file = book.models / "catalog.toml"
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    lines = []
    for entry in document.get("model", []):
        embedded = entry["embedded"]
        trained = book.cache / "trained" / embedded["name"]
        if not trained.is_dir():
            continue
        target = book.root / embedded["folder"]
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(trained, target)
        packed = sorted(target.rglob("*.safetensors"))
        for file_of_tensors in packed:
            pack(file_of_tensors, Model(entry["id"], entry).stored)
        if "base" not in embedded:
            embedded["parameters"] = sum(tensor.size for each in packed for tensor in unpacked(each).values())
        (target / "README.md").write_text(model_card(entry, book), encoding="utf-8")
        hashes = {
            path.relative_to(target).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(target.rglob("*"))
            if path.is_file() and path.suffix != ".md"
        }
        embedded["sha256"] = hashes
        shutil.rmtree(trained)
        size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        lines.append(f"{embedded['folder']}: {len(hashes)} files, {size / 1e6:.2f} MB")
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
    return lines
