"""Where the book's files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


class BookError(Exception):
    """A mistake in the book's own files; its text is one sentence that names the place."""


@dataclass(frozen=True)
class Book:
    """The folders of one book, all absolute."""

    root: Path

    @classmethod
    def locate(cls) -> Book:
        """The book in `BOOK_ROOT`, else the one that this package belongs to."""
        root = os.environ.get("BOOK_ROOT") or Path(__file__).parent.parent
        if not Path(root).is_dir():
            raise BookError(f"there is no folder {root}, which BOOK_ROOT names")
        return cls(Path(root).resolve())

    @property
    def snippets(self) -> Path:
        return self.root / "snippets"

    @property
    def docs(self) -> Path:
        return self.root / "docs"

    @property
    def lab(self) -> Path:
        return self.docs / "lab"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def cache(self) -> Path:
        """Everything in here can be deleted at any time."""
        return self.root / ".cache"

    def relative(self, path: Path | str) -> str:
        """A path as messages and records write it: from the root, with forward slashes."""
        return Path(path).relative_to(self.root).as_posix()

    def snippet_files(self) -> list[Path]:
        """All snippets, sorted; `snippets/data/` holds data, not snippets."""
        return sorted(
            path
            for path in self.snippets.glob("*/*.py")
            if path.parent.name != "data" and not path.name.startswith(("_", "."))
        )

    def record_file(self, snippet: Path) -> Path:
        return (self.lab / snippet.relative_to(self.snippets)).with_suffix(".ipynb")
