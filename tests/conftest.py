"""Small books to break, and one built site that all browser tests share."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.book import Book

ROOT = Path(__file__).parent.parent


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
