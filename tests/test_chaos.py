"""A seeded run of accidents: after each, the next recording heals, or names the one thing to fix.

Half a minute in `make test`, ten with `make chaos`; `BOOK_CHAOS_SEED` repeats one that failed.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import SmallBook
from toolkit.record import read_record

SECONDS = float(os.environ.get("BOOK_CHAOS_SECONDS", "30"))
SEED = int(os.environ.get("BOOK_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
NAMES = [f"s{index}" for index in range(4)]
SNIPPET = """
    # %% say who it is
    print("{name}", open("snippets/data/words.txt").read())

    # %% work
    import time
    time.sleep(0.2)
    print(sum(range({number})))
"""
Undo = Callable[[], None]


class Accidents:
    """What may happen to a book: each returns what to undo, and whether the next recording must complain."""

    def __init__(self, small: SmallBook, chance: random.Random) -> None:
        self.small, self.chance = small, chance
        self.environment: dict[str, str] = {}

    def start(self, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "toolkit", "record"],
            cwd=self.small.root,
            env={**os.environ, "BOOK_ROOT": str(self.small.root), **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def a_record(self) -> Path:
        return self.small.record(self.chance.choice(NAMES))

    def touch_everything(self) -> None:
        """Make every record stale, so that there is something to interrupt."""
        words = self.small.root / "snippets/data/words.txt"
        words.write_text(f"words {self.chance.random()}")

    def kill(self) -> tuple[Undo | None, bool]:
        self.touch_everything()
        process = self.start()
        time.sleep(self.chance.uniform(0, 2.5))
        process.send_signal(self.chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        process.communicate(timeout=60)
        return None, False

    def two_at_once(self) -> tuple[Undo | None, bool]:
        self.touch_everything()
        both = [self.start(), self.start()]
        for process in both:
            _, said = process.communicate(timeout=100)
            assert process.returncode == 0, said
        return None, False

    def full_disk(self) -> tuple[Undo | None, bool]:
        """No file may grow beyond some bytes, as on a disk that fills up while a record is written."""
        self.touch_everything()
        limit = self.chance.choice([0, 100, 1000])

        def fill() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        _, said = self.start(preexec_fn=fill).communicate(timeout=100)
        assert "Traceback" not in said, said
        return None, False

    def corrupt_record(self) -> tuple[Undo | None, bool]:
        file = self.a_record()
        data = file.read_bytes()
        at = self.chance.randrange(len(data))
        broken = self.chance.choice([data[:at], data[:at] + b"\xff" + data[at + 1 :], b"", b"{}", b"\0" * 50])
        file.write_bytes(broken)
        return None, False

    def lose_record(self) -> tuple[Undo | None, bool]:
        self.a_record().unlink()
        return None, False

    def corrupt_cache(self) -> tuple[Undo | None, bool]:
        cache = self.small.book.cache
        files = [file for file in cache.rglob("*") if file.is_file() and not file.is_symlink()]
        for file in self.chance.sample(files, min(3, len(files))):
            file.write_bytes(self.chance.randbytes(20))
        self.touch_everything()
        return None, False

    def lose_cache(self) -> tuple[Undo | None, bool]:
        shutil.rmtree(self.small.book.cache, ignore_errors=True)
        self.touch_everything()
        return None, False

    def change_clock(self) -> tuple[Undo | None, bool]:
        when = self.chance.choice([0, 10**9, time.time() + 10**7])
        for file in [*self.small.root.glob("snippets/**/*.*"), self.a_record()]:
            os.utime(file, (when, when))
        self.lose_record()
        # A file from the future is as good as any, once it lies still.
        for file in self.small.root.glob("snippets/**/*.*"):
            if file.stat().st_mtime > time.time():
                os.utime(file)
        return None, False

    def change_locale(self) -> tuple[Undo | None, bool]:
        self.environment = {
            "LC_ALL": self.chance.choice(["C", "POSIX", "C.UTF-8", "tr_TR.UTF-8"]),
            "TZ": self.chance.choice(["UTC", "Asia/Kathmandu", "nonsense"]),
            "PYTHONUTF8": self.chance.choice(["0", "1"]),
            "COLUMNS": "20",
        }
        self.touch_everything()

        def undo() -> None:
            self.environment = {}

        return undo, False

    def break_source(self) -> tuple[Undo | None, bool]:
        file = self.small.root / "snippets" / "page" / f"{self.chance.choice(NAMES)}.py"
        text = file.read_text()
        file.write_text(text[: self.chance.randrange(5, len(text))] + "\n(")
        return (lambda: _put(file, text)), True

    def lose_data(self) -> tuple[Undo | None, bool]:
        words = self.small.root / "snippets/data/words.txt"
        text = words.read_text()
        words.unlink()
        return (lambda: _put(words, text)), True

    def deny_folder(self) -> tuple[Undo | None, bool]:
        """The records' folder is a file, which keeps even root from writing there."""
        self.touch_everything()
        folder, aside = self.small.book.lab, self.small.root / "aside"
        folder.rename(aside)
        folder.write_text("in the way")

        def undo() -> None:
            folder.unlink()
            aside.rename(folder)

        return undo, True

    def corrupt_catalog(self) -> tuple[Undo | None, bool]:
        catalog = self.small.book.models / "catalog.toml"
        catalog.parent.mkdir(exist_ok=True)
        catalog.write_text(self.chance.choice(["[[model]", "[[model]]\nid = 3", "\0", "[[model]]\n"]))
        return catalog.unlink, True


def _put(file: Path, text: str) -> None:
    file.write_text(text)


ACCIDENTS = [
    name
    for name in vars(Accidents)
    if name not in ("start", "a_record", "touch_everything") and name[0] != "_"
]


def outcome(small: SmallBook, name: str) -> str:
    record = read_record(small.record(name), small.book)  # raises if it is damaged
    return "".join("".join(output["text"]) for outputs in record.outputs.values() for output in outputs)


@pytest.mark.skipif(sys.platform != "linux", reason="limits and signals are Linux's here")
def test_after_every_accident_the_next_run_heals_or_names_one_thing(small: SmallBook) -> None:
    chance = random.Random(SEED)
    print(f"BOOK_CHAOS_SEED={SEED}")
    for index, name in enumerate(NAMES):
        small.snippet(name, SNIPPET.format(name=name, number=100 + index))
    accidents = Accidents(small, chance)
    accidents.touch_everything()
    assert small.toolkit("record").returncode == 0
    until, waiting = time.monotonic() + SECONDS, list[str]()
    while time.monotonic() < until:
        waiting = waiting or chance.sample(ACCIDENTS, len(ACCIDENTS))
        accident = waiting.pop()
        undo, named = getattr(accidents, accident)()
        where = f"{accident}, BOOK_CHAOS_SEED={SEED}"
        process = accidents.start()
        _, said = process.communicate(timeout=100)
        if named:
            assert process.returncode == 1, f"{where}: {said}"
            complaints = [line for line in said.splitlines() if ": " in line and not line.startswith("[")]
            assert complaints, f"{where}: {said}"
        elif process.returncode:
            # It may take a second run where the first found a damaged cache and said so.
            raise AssertionError(f"{where}: {said}")
        assert "Traceback (most recent call last)" not in said or accident in ("lose_data", "break_source"), (
            f"{where}: {said}"
        )
        if undo is not None:
            with suppress(FileNotFoundError):
                undo()
        process = accidents.start()
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, f"{where}, afterwards: {said}"
        words = (small.root / "snippets/data/words.txt").read_text()
        for index, name in enumerate(NAMES):
            assert outcome(small, name) == f"{name} {words}\n{sum(range(100 + index))}\n", where
        assert not [file for file in small.book.lab.rglob("*") if file.name.startswith(".")], where
        assert small.toolkit("record", "--check").returncode == 0, where
