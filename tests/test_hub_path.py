"""The Hub's path as real code: a local Hub serves the weights over HTTP, well and badly."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from tests.conftest import ROOT, SmallBook
from tests.hub_server import Fault, HubServer
from toolkit import hub
from toolkit.book import Book
from toolkit.record import read_record, shape
from toolkit.snippets import read

BOOK = Book(ROOT)
SNIPPETS = [
    "what_is_inference/classify_text.py",
    "what_is_inference/embed_and_search.py",
    "what_is_inference/caption_image.py",
    "use_before_you_train/generate_image.py",
    "use_before_you_train/generate_text.py",
    "use_before_you_train/match_images.py",
    "use_before_you_train/speak_text.py",
    "use_before_you_train/transcribe_speech.py",
]
"""Unchanged, each downloads from the Hub what it names. One more snippet is one more line."""

CLASSIFIER = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"

ASKS = """
# %% ask
from huggingface_hub import hf_hub_download
from safetensors.numpy import load_file

name = "someone/small"
for file in ["config.json", "vocab.txt"]:
    print(file, len(open(hf_hub_download(name, file), encoding="utf-8").read()))
print(len(load_file(hf_hub_download(name, "model.safetensors"))), "tensors")
"""
"""What the snippets' packages do with the Hub, without the seconds that those take to import."""

SMALL = "someone/small"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """The catalog's models, and a small one: a fault is the same in 2 MB as in 80."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "config.json").write_text("{}")
    (folder / "vocab.txt").write_text("one\ntwo\n")
    matrix = numpy.random.default_rng(0).normal(size=(1000, 500)).astype("float32")
    save_file({"matrix": matrix, "bias": matrix[0]}, folder / "model.safetensors")
    with HubServer.of_catalog(BOOK) as server:
        server.repos[SMALL] = ("0123456789" * 4, folder)
        yield server


def environment(server: HubServer, home: Path, **more: str) -> dict[str, str]:
    """The caller's own, and where the Hub is."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    return {
        **own,
        "HF_ENDPOINT": server.address,
        "HF_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        **more,
    }


def start(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = 150) -> subprocess.CompletedProcess[str]:
    try:
        printed, errors = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, printed, errors)


def small_book(root: Path, names: list[str]) -> SmallBook:
    """A book of unchanged snippets, with the real catalog and none of its weights."""
    (root / "docs").mkdir(parents=True)
    (root / "models").mkdir()
    shutil.copy(ROOT / "models" / "catalog.toml", root / "models")
    shutil.copy(ROOT / "requirements.txt", root)
    (root / "snippets").mkdir()
    (root / "snippets" / "data").symlink_to(ROOT / "snippets" / "data")
    for name in names:
        (root / "snippets" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "snippets" / name, root / "snippets" / name)
    return SmallBook(root)


def wrong_files(home: Path) -> list[str]:
    """What a cache must not hold: content that is not what its name says, or half of it."""
    wrong = []
    for file in (home / "hub").rglob("*"):
        if file.name.endswith(".incomplete") or (file.is_symlink() and not file.exists()):
            wrong.append(f"{file} is left over")
        elif file.parent.name == "blobs":
            data = file.read_bytes()
            kind = hashlib.sha256(data) if len(file.name) == 64 else None
            kind = kind or hashlib.sha1(b"blob %d\0" % len(data) + data)
            if kind.hexdigest() != file.name:
                wrong.append(f"{file} holds something else")
    return wrong


def sources(server: HubServer, name: str) -> dict[str, bytes]:
    _, folder = server.repos[name]
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def cached(home: Path, server: HubServer, name: str) -> dict[str, bytes]:
    """What the cache offers under a Hub id."""
    revision, _ = server.repos[name]
    folder = home / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / revision
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def record_of(name: str) -> dict[str, list]:
    return read_record(BOOK.record_file(ROOT / "snippets" / name), BOOK).outputs


def test_a_stranger_downloads_once_and_gets_what_the_page_shows(server: HubServer, tmp_path: Path) -> None:
    name = SNIPPETS[0]
    snippet = read(ROOT / "snippets" / name, BOOK)
    command = [str(ROOT / "snippets" / name)]
    server.reset()
    first = finish(start(command, environment(server, tmp_path), tmp_path))
    assert first.returncode == 0, first.stderr
    shown = [shape(record_of(name)[cell.title], cell.measured) for cell in snippet.cells if not cell.measured]
    assert first.stdout.startswith("".join(text for texts in shown for text in texts))
    offered = sources(server, CLASSIFIER)
    assert {name: size for name, size in server.sent.items() if size} == {
        name: len(data) for name, data in offered.items()
    }, "each file once"
    assert cached(tmp_path, server, CLASSIFIER) == offered
    assert wrong_files(tmp_path) == []

    server.reset()
    second = finish(start(command, environment(server, tmp_path), tmp_path))
    assert second.returncode == 0, second.stderr
    assert server.log, "it asks whether something is newer"
    assert sum(server.sent.values()) == 0, "it downloads nothing again"


def test_every_snippet_is_recorded_from_the_hub_and_runs_offline_afterwards(
    server: HubServer, tmp_path: Path
) -> None:
    small = small_book(tmp_path / "book", SNIPPETS)
    with HubServer(server.repos) as own:
        variables = environment(own, tmp_path / "home", BOOK_ROOT=str(small.root))
        record = ["-m", "toolkit", "record", "--weights", "hub"]
        result = finish(start(record, variables, small.root))
        assert result.returncode == 0, result.stderr
        assert sum(own.sent.values()) > 0
        own.reset()
        offline = variables | {"HF_HUB_OFFLINE": "1"}
        again = finish(start([*record, "--all"], offline, small.root))
        assert again.returncode == 0, again.stderr
        assert own.log == []
    assert wrong_files(tmp_path / "home") == []
    catalog = hub.read_catalog(BOOK)
    for name in SNIPPETS:
        snippet = read(small.root / "snippets" / name, small.book)
        record_file = small.book.record_file(snippet.file)
        made = read_record(record_file, small.book)
        for cell in snippet.cells:
            then = shape(record_of(name).get(cell.title, []), cell.measured)
            assert shape(made.outputs[cell.title], cell.measured) == then, f"{name}: {cell.title}"
        assert made.about["weights"]
        for weights in made.about["weights"]:
            model = catalog[weights["id"]]
            assert (weights["from"], weights["name"]) == ("hub", model.id)
            assert weights["revision"] == weights["key"] == model.revision


def test_a_damaged_file_is_neither_used_nor_recorded_nor_kept(server: HubServer, tmp_path: Path) -> None:
    """Of the right size, with one wrong byte: the Hub's client takes it, the book does not."""
    small = small_book(tmp_path / "book", SNIPPETS[:1])
    home = tmp_path / "home"
    with HubServer(server.repos) as own:
        variables = environment(own, home, BOOK_ROOT=str(small.root))
        record = ["-m", "toolkit", "record", "--weights", "hub"]
        own.reset(Fault("damaged", "model.safetensors"))
        result = finish(start(record, variables, small.root))
        assert result.returncode == 1
        (line,) = [line for line in result.stderr.splitlines() if line.startswith("snippets/")]
        damaged = f"`model.safetensors` of `{CLASSIFIER}` came damaged, with SHA-256 "
        assert line.startswith(f"snippets/{SNIPPETS[0]}:10: {damaged}")
        assert line.endswith("…; it has been removed: run this again")
        assert not list(small.root.glob("docs/lab/*/*.ipynb"))
        assert wrong_files(home) == []
        own.reset()
        result = finish(start(record, variables, small.root))
        assert result.returncode == 0, result.stderr
        assert "config.json" not in own.sent, "what was sound stayed"
    assert cached(home, server, CLASSIFIER) == sources(server, CLASSIFIER)


def test_a_download_that_breaks_off_is_one_sentence(server: HubServer, tmp_path: Path) -> None:
    """transformers alone tries again for each class, then misses a `pytorch_model.bin`."""
    with HubServer(server.repos) as own:
        own.reset(Fault("truncated", "model.safetensors"))
        command = ["-m", "toolkit", "run", "--weights", "hub", str(ROOT / "snippets" / SNIPPETS[0])]
        result = finish(start(command, environment(own, tmp_path), tmp_path))
    assert result.returncode == 1
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"error: a file of `{CLASSIFIER}` could not be downloaded (peer closed connection")
    assert "Traceback" not in result.stderr
    assert wrong_files(tmp_path) == []


FAULTS = {
    "damaged weights": (Fault("damaged", ".safetensors"), "came damaged, with SHA-256"),
    "a damaged small file": (Fault("damaged", "vocab.txt"), "`vocab.txt` of"),
    "truncated": (Fault("truncated", ".safetensors"), "could not be downloaded (peer closed connection"),
    "cut short in good order": (Fault("short", ".safetensors"), "could not be downloaded (Consistency check"),
    "stalled": (Fault("stalled", ".safetensors"), "could not be downloaded (timed out): run this again"),
    "failing": (Fault("500"), "Please check your connection and try again"),
    "failing in the middle": (Fault("500", "vocab.txt", times=10), "Please check your connection"),
    "asking who you are": (Fault("401"), "401 Client Error"),
    "gone": (Fault("404", "vocab.txt"), "404 Client Error"),
    "silent at first": (Fault("stalled", "config.json", times=1), ""),
    "failing once": (Fault("500", "config.json", times=1), ""),
    "slow": (Fault("slow", ".safetensors"), ""),
}
"""What the server does, and what the error says, if it is one."""


def test_each_fault_is_one_error_and_leaves_a_sound_cache(server: HubServer, tmp_path: Path) -> None:
    """All at once, each with a server and a cache of its own: they spend their time waiting."""
    file = SmallBook(tmp_path).snippet("asks", ASKS)
    whole = sources(server, SMALL)

    def suffer(name: str) -> str:
        fault, expected = FAULTS[name]
        home = tmp_path / name
        with HubServer(server.repos) as own:
            variables = environment(own, home, BOOK_ROOT=str(tmp_path))
            if fault.kind == "stalled":
                variables |= {"HF_HUB_ETAG_TIMEOUT": "2", "HF_HUB_DOWNLOAD_TIMEOUT": "2"}
            command = ["-m", "toolkit", "run", "--weights", "hub", str(file)]
            own.reset(fault)
            result = finish(start(command, variables, tmp_path))
            assert wrong_files(home) == [], name
            if expected:
                assert result.returncode == 1 and "tensors" not in result.stdout, name
                # The error is the end of what is printed; some of the client's own have several lines.
                end = "".join(result.stderr.splitlines(True)[-8:])
                assert expected in end, f"{name}: {result.stderr}"
                own.reset()
                result = finish(start(command, variables, tmp_path))
            assert result.returncode == 0, f"{name}: {result.stderr}"
        found = cached(home, server, SMALL)
        assert len(found) == 3 and found == {file: whole[file] for file in found}, name
        return result.stdout

    with ThreadPoolExecutor(len(FAULTS)) as pool:
        assert set(pool.map(suffer, FAULTS)) == {"config.json 2\nvocab.txt 8\n2 tensors\n"}


def test_a_hub_that_never_answers_ends_at_the_time_limit(server: HubServer, tmp_path: Path) -> None:
    """The client alone asks six times, and waits a minute for each answer."""
    small = SmallBook(tmp_path)
    (tmp_path / "docs").mkdir()
    small.snippet("asks", ASKS.replace("# %% ask", "# %% ask timeout=5"))
    with HubServer(server.repos) as own:
        own.reset(Fault("stalled", "config.json"))
        variables = environment(own, tmp_path / "home", BOOK_ROOT=str(tmp_path))
        result = finish(start(["-m", "toolkit", "record", "--weights", "hub"], variables, tmp_path))
    assert result.returncode == 1
    assert "snippets/page/asks.py:7: still ran at its time limit of 5 s" in result.stderr
    assert not small.record("asks").exists() and wrong_files(tmp_path / "home") == []


@pytest.mark.parametrize("runner", ["fork", "notebook"])
def test_a_snippet_that_passes_over_a_damaged_file_is_not_recorded(
    runner: str, server: HubServer, tmp_path: Path
) -> None:
    small = SmallBook(tmp_path)
    (tmp_path / "docs").mkdir()
    small.snippet("asks", ASKS)
    swallows = "import contextlib\nwith contextlib.suppress(BaseException):\n    "
    small.snippet("swallows", ASKS.replace("print(len(", f"{swallows}print(len("))
    with HubServer(server.repos) as own:
        own.reset(Fault("damaged", ".safetensors"))
        variables = environment(own, tmp_path / "home", BOOK_ROOT=str(tmp_path))
        command = ["-m", "toolkit", "record", "--weights", "hub", "--runner", runner, "--jobs", "1"]
        result = finish(start(command, variables, tmp_path))
    assert result.returncode == 1
    damaged = f"`model.safetensors` of `{SMALL}` came damaged"
    assert f"snippets/page/asks.py:8: {damaged}" in result.stderr
    assert f"snippets/page/swallows.py:1: {damaged}" in result.stderr
    assert not list(tmp_path.glob("docs/lab/*/*.ipynb")) and wrong_files(tmp_path / "home") == []


def test_what_was_damaged_before_is_found_when_it_is_opened(server: HubServer, tmp_path: Path) -> None:
    """The plain client poisons its cache without a word; that is why the book looks."""
    small = SmallBook(tmp_path)
    file = small.snippet("asks", ASKS)
    with HubServer(server.repos) as own:
        own.reset(Fault("damaged", ".safetensors"))
        variables = environment(own, tmp_path / "home", BOOK_ROOT=str(tmp_path))
        plain = finish(start([str(file)], variables, tmp_path))
        assert plain.returncode == 0, "a client that refuses it would make toolkit/downloads.py needless"
        assert len(wrong_files(tmp_path / "home")) == 1
        own.reset()
        command = ["-m", "toolkit", "run", "--weights", "hub", str(file)]
        for offline in ({"HF_HUB_OFFLINE": "1"}, {}):
            result = finish(start(command, variables | offline, tmp_path))
            if offline:
                assert result.returncode == 1
                assert result.stdout == "" and len(result.stderr.splitlines()) == 1
                assert f"error: `model.safetensors` of `{SMALL}` came damaged" in result.stderr
                assert wrong_files(tmp_path / "home") == []
        assert (result.returncode, result.stdout) == (0, plain.stdout)
