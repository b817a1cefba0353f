"""Small books to break, and one built site that all browser tests share."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock

from tests import warm
from toolkit import browser
from toolkit.book import Book

ROOT = Path(__file__).parent.parent
# Tests share the cores: threads that wait must sleep, not spin. Three at once take half the time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# What a shell starts in the background ignores Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = (
    "test_live_families.py",
    "test_rich_output_is_reproduced",
    "test_hub_path.py",
    "test_products.py",
    "test_web.py",
    "test_live.py",
    "test_no_violation",
    "test_styles.py",
    "test_many_rows.py",
    "test_hostile.py",
    "test_gpt.py",
    "test_export.py",
    "test_cluster.py",
    "test_live_teach.py",
    "test_scenes.py",
    "test_many_workers.py",
)
"""Files and tests that are begun first, so that none of them is left to run alone at the end."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is set up once for a file is set up by one worker, and what takes long comes first."""

    def place(item: pytest.Item) -> int:
        return next((i for i, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))

    items.sort(key=place)
    shared = {path: 'scope="module"' in path.read_text("utf-8") for path in {item.path for item in items}}
    for item in items:
        if shared[item.path] and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


CLASSIFY = """
from transformers import pipeline
classify = pipeline("text-classification", model="distilbert/distilbert-base-uncased-finetuned-sst-2-english")
print(json.dumps([found["label"] for found in classify(given, batch_size=32)]))
"""


def python(code: str, given: Any = None) -> Any:
    """Run `code` on the embedded weights; `given` reaches it, and what it prints comes back, as JSON."""
    code = f"import json, sys\ngiven = json.load(sys.stdin)\n{code}"
    result = warm.run(["-c", code], text=json.dumps(given), timeout=600)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@dataclass
class SmallBook:
    """A book in a temporary folder, driven through the command line as an author would."""

    root: Path

    @property
    def book(self) -> Book:
        return Book(self.root)

    def snippet(self, name: str, text: str) -> Path:
        file = self.root / "snippets" / "page" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        return file

    def record(self, name: str) -> Path:
        return self.root / "docs" / "lab" / "page" / f"{name}.ipynb"

    def toolkit(self, *arguments: str, timeout: float = 100) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "toolkit", *arguments],
            cwd=self.root,
            env={**os.environ, "BOOK_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture
def small(tmp_path: Path) -> SmallBook:
    (tmp_path / "snippets" / "data").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\nmatplotlib==3.11.2\npandas==3.1.1\n")
    return SmallBook(tmp_path)


@pytest.fixture(scope="session")
def book() -> Book:
    return Book(ROOT)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of one run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def labels(shared: Path) -> dict[str, str]:
    """What the pipeline says of each review of the test half, asked by the first worker that needs it."""
    reviews = pd.read_csv(ROOT / "snippets/data/reviews.csv")
    texts = reviews[reviews.split == "test"].text.tolist()
    file = shared / "labels.json"
    with FileLock(shared / "labels.lock"):
        if not file.exists():
            file.write_text(json.dumps(python(CLASSIFY, texts)))
    return dict(zip(texts, json.loads(file.read_text()), strict=True))


@pytest.fixture(scope="session")
def site(shared: Path) -> Path:
    """The whole site, built strictly, by the first worker that needs it."""
    target = shared / "site"
    with FileLock(shared / "site.lock"):
        if not (shared / "site.built").exists():
            result = subprocess.run(
                [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)],
                cwd=ROOT,
                env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert result.returncode == 0, result.stderr
            (shared / "site.built").touch()
    return target


@pytest.fixture(scope="session")
def address(site: Path):
    with browser.serve(site) as address:
        yield address


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    executable = browser.find()
    assert executable, "run `make browser` first"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(executable), args=browser.ARGUMENTS)
        yield opened
        opened.close()
