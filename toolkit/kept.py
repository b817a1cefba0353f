"""What one build of the pages computed, kept for the next: coloured code, chosen styles, the packed snippets.

Nothing depends on it. A file that is missing, damaged or of another version is as good as none, and one that
can't be written is not written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pygments
import pymdownx
import tinycss2


class Kept:
    """Texts by a hash of what they were made from, in one file; of each build only what it asked for.

    Another version of this package, or of one that makes the texts, begins anew.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Without a file, for as long as this lives."""
        self.file = file
        self._known = _load(file) if file else {}
        self._asked: dict[str, str] = {}

    def begin(self) -> None:
        """A build begins: what nothing asks for until it ends is not kept."""
        self._known |= self._asked
        self._asked = {}

    def get(self, make: Callable[[], str], *made_from: str) -> str:
        """What `make` returns for `made_from`, which starts with what it is."""
        key = hashlib.sha256("\0".join(made_from).encode()).hexdigest()
        text = self._asked.get(key)
        if text is None:
            text = self._asked[key] = self._known.get(key) or make()
        return text

    def save(self) -> None:
        """Keep what was asked for since the build began, and nothing else."""
        if self.file is None or self._asked == self._known:
            return
        self._known = dict(self._asked)
        body = json.dumps(self._known)
        # A full disk or a folder that is not ours costs the next build some time.
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, written = tempfile.mkstemp(prefix=".kept-", dir=self.file.parent)
            try:
                with open(handle, "w", encoding="utf-8") as out:
                    out.write(f"{_seal(body)}\n{body}")
                os.replace(written, self.file)
            except OSError:
                os.unlink(written)
                raise


def _load(file: Path) -> dict[str, str]:
    try:
        seal, _, body = file.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return {}
    known: dict[str, str] = json.loads(body) if seal == _seal(body) else {}
    return known


def _seal(body: str) -> str:
    return hashlib.sha256(_makers() + body.encode()).hexdigest()


@cache
def _makers() -> bytes:
    own = [file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))]
    others = [pygments.__version__, pymdownx.__version__, tinycss2.__version__]
    return b"".join([*own, *(each.encode() for each in others)])
