"""An author at work: `mkdocs serve` records what is saved, shows what fails, and lives on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import SmallBook
from tests.test_render import CONFIG, fence

GOOD = "# %% tell\nprint('it says', 1)\n"


@pytest.fixture
def serving(small: SmallBook):
    (small.root / "mkdocs.yml").write_text(CONFIG)
    file = small.snippet("tells", GOOD)
    assert small.toolkit("record").returncode == 0
    (small.root / "docs" / "index.md").write_text(f"# Page\n\n{fence('page/tells.py')}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", f"127.0.0.1:{port}"],
        cwd=small.root,
        env={**os.environ, "BOOK_ROOT": str(small.root), "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield small, file, server, f"http://127.0.0.1:{port}/"
    server.terminate()
    server.wait(timeout=20)


def until(address: str, wanted: str, seconds: float = 60, without: str = "\0") -> str:
    """The page, once it holds one text and not the other; fails after a while."""
    deadline = time.monotonic() + seconds
    page = ""
    while time.monotonic() < deadline:
        try:
            page = urllib.request.urlopen(address, timeout=10).read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            page = ""
        if wanted in page and without not in page:
            return page
        time.sleep(0.1)
    raise AssertionError(f"{wanted!r} did not appear on the page:\n{page[-3000:]}")


def test_saving_a_snippet_shows_its_new_output(serving) -> None:
    small, file, server, address = serving
    until(address, "<samp>it says 1</samp>")
    file.write_text(GOOD.replace("1", "2"))
    page = until(address, "<samp>it says 2</samp>")
    assert 'class="badge' not in page
    assert small.toolkit("record", "--check").returncode == 0

    file.write_text(GOOD.replace("1", "1 / 0"))
    page = until(address, "badge-failed")
    assert "snippets/page/tells.py:2: ZeroDivisionError: division by zero" in page
    assert "<samp>it says 2</samp>" in page, "the last output that worked stays"

    file.write_text(GOOD.replace("1", "2"))
    undone = until(address, "<samp>it says 2</samp>", without="badge-failed")
    assert 'class="badge' not in undone, "undoing the mistake takes the badge away"

    file.write_text("# %% tell\nprint('it says', (\n")
    page = until(address, "was never closed")
    assert "ZeroDivisionError" not in page
    assert "<samp>it says 2</samp>" in page

    file.write_text("# %% tell\nimport time\ntime.sleep(5)\nprint('it says', 3)\n")
    until(address, "Recording again")
    page = until(address, "<samp>it says 3</samp>")
    assert 'class="badge' not in page

    (small.root / "docs" / "index.md").write_text(f"# Page\n\n{fence('page/nowhere.py')}\n")
    until(address, "docs/index.md:4: there is no snippet `snippets/page/nowhere.py`")
    assert server.poll() is None, "serving goes on"


def test_the_recorder_ends_with_the_server(serving) -> None:
    small, _, server, address = serving
    until(address, "<samp>it says 1</samp>")
    time.sleep(1)
    assert recorders(small)
    server.kill()
    server.wait(timeout=20)
    deadline = time.monotonic() + 20
    while recorders(small) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert recorders(small) == []


def recorders(small: SmallBook) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if b"--watch" in command and f"BOOK_ROOT={small.root}".encode() in environment:
            found.append(process.name)
    return found
