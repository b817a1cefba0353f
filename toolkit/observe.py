"""Notice what a snippet depends on, and keep its writes inside its sandbox folder.

An audit hook sees every file that Python code opens, so what a snippet depends on is observed
and need not be declared. Native code (safetensors, tokenizers, Arrow) opens files unseen: a
model folder counts whole once any of its files is touched, and a string in the snippet that
names a file of the book counts as that file. A program that the snippet starts is as unseen: a Hub
id among its arguments, or in another snippet that this one names, counts as a model that it uses, and of
a script of the book among its arguments the imports count. For native writes the kernel is asked
(Landlock).
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import ctypes
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.snippets import imported

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit event of a change -> positions of the paths, and of their `dir_fd`s.
_CHANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, -1),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, 1),),
}
_MODEL_FOLDER = re.compile(r"/models--([^/]+)/snapshots/([0-9a-f]{40})(?:/|$)")
_NOT_THE_BOOKS = {".venv", ".cache", ".git", "site", "node_modules", "__pycache__", "toolkit"}


class OutsideSandbox(PermissionError):
    """A snippet tried to write outside its sandbox folder."""


class Observer:
    """What one snippet's process opened."""

    def __init__(self, root: Path, writable: list[Path]) -> None:
        self.root = os.path.realpath(root)
        self.writable = tuple(os.path.realpath(folder) + os.sep for folder in writable)
        self._opened: set[str] = set()
        self._listed: set[str] = set()
        self._arguments: set[str] = set()
        self._process = os.getpid()
        self._forked = os.open(writable[0] / ".opened", os.O_RDWR | os.O_CREAT | os.O_APPEND)

    def start(self) -> None:
        """From now on, until the process ends: an audit hook can't be taken off."""
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            if isinstance(path, int):
                return
            writes = set(mode) & set("wax+") if isinstance(mode, str) else flags & _WRITE_FLAGS
            if writes:
                self._refuse_outside(path)
            else:
                self._note(path)
        elif event in ("os.listdir", "os.scandir"):
            if args and isinstance(args[0], (str, bytes, os.PathLike)):
                self._listed.add(_absolute(args[0]))
        elif event == "subprocess.Popen":
            command = [args[1]] if isinstance(args[1], (str, bytes, os.PathLike)) else args[1]
            self._arguments.update(word for part in command for word in os.fsdecode(part).split())
        elif event == "sqlite3.connect":
            self._note(args[0])
        elif event in _CHANGES:
            for position, folder in _CHANGES[event]:
                path = args[position]
                at = args[folder] if 0 <= folder < len(args) else None
                if isinstance(path, (str, bytes, os.PathLike)):
                    if isinstance(at, int) and at >= 0:
                        path = f"/proc/self/fd/{at}/{os.fsdecode(path)}"
                    self._refuse_outside(path)

    def _note(self, path: Any) -> None:
        absolute = _absolute(path)
        self._opened.add(absolute)
        if os.getpid() != self._process and self._forked:
            # A process that the snippet forked: its set is a copy, the file is shared.
            with contextlib.suppress(OSError, ValueError):
                os.write(self._forked, absolute.encode("utf-8", "replace") + b"\n")

    def _refuse_outside(self, path: Any) -> None:
        target = os.path.realpath(_absolute(path))
        if (target + os.sep).startswith((*self.writable, "/dev/", "/proc/")):
            return
        raise OutsideSandbox(f"wrote outside its sandbox folder: {_absolute(path)}")

    def files(self, text: str = "") -> list[str]:
        """The book's files that were read, relative to its root; a listed folder ends in `/`.

        `text` is the snippet's source: the paths that stand in it count as read.
        """
        opened = self._opened | {os.path.join(self.root, path) for path in _strings(text)}
        opened |= set(os.pread(self._forked, 10_000_000, 0).decode("utf-8", "replace").splitlines())
        opened |= {_source_of(path) for path in opened if path.endswith(".pyc")}
        # Weights are opened by native code, unseen: the folder that they lie in counts whole.
        models = {folder for path in opened if (folder := _model_folder(os.path.realpath(path), self.root))}
        opened |= {
            os.path.join(folder, name)
            for folder in models
            for name in os.listdir(folder)
            if not name.endswith(".md")  # the model card, which no answer depends on
        }
        found = {self._of_the_book(path) for path in opened if os.path.isfile(path)}
        found |= {self._of_the_book(path, "/") for path in self._listed if os.path.isdir(path)}
        return sorted(path for path in found if path)

    def models(self, text: str = "") -> list[tuple[str, str]]:
        """Hub id and revision of each model folder that was touched, here or by a program started here.

        `text` is the snippet's source: the ids in another snippet that it names count as touched.
        """
        touched = (_MODEL_FOLDER.search(path.replace(os.sep, "/")) for path in self._opened | self._listed)
        found = {(match[1].replace("--", "/"), match[2]) for match in touched if match}
        cache = Path(os.environ.get("HF_HUB_CACHE", ""))
        others = (Path(self.root, path) for path in _strings(text) if path.endswith(".py"))
        sources = (other.read_text("utf-8") for other in others if other.is_file())
        for name in self._arguments.union(*map(_strings, sources)):
            main = cache / f"models--{name.replace('/', '--')}" / "refs" / "main"
            if name.count("/") == 1 and len(name) < 200 and main.is_file():
                found.add((name, main.read_text().strip()))
        return sorted(found)

    def imports_of_programs(self) -> set[str]:
        """Top-level names of the packages that scripts of the book import, where one was started here."""
        files = {os.path.realpath(word) for word in self._arguments if word.endswith(".py")}
        ours = [Path(file) for file in files if file.startswith(self.root + os.sep)]
        return {
            name
            for file in ours
            if file.is_file()
            for name in imported(ast.parse(file.read_text(encoding="utf-8")))
        }

    def _of_the_book(self, path: str, suffix: str = "") -> str | None:
        relative = os.path.relpath(os.path.realpath(path), self.root).replace(os.sep, "/")
        folder = relative.split("/")[0]
        if relative == "." or folder == ".." or folder in _NOT_THE_BOOKS or "__pycache__" in relative:
            return None
        # A folder outside `snippets/` and `docs/data/` is listed by imports, not by the snippet.
        if suffix and not relative.startswith(("snippets/data", "docs/data")):
            return None
        return relative + suffix


def _source_of(compiled: str) -> str:
    folder, name = os.path.split(compiled)
    return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")


def _model_folder(path: str, root: str) -> str | None:
    parts = os.path.relpath(path, root).split(os.sep)
    return os.path.join(root, *parts[:2]) if parts[0] == "models" and len(parts) > 2 else None


def _absolute(path: Any) -> str:
    return os.path.abspath(os.fsdecode(path))


def _strings(text: str) -> set[str]:
    """String constants of a source that could be relative paths."""
    if not text:
        return set()
    constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return {
        value
        for value in constants
        if isinstance(value, str)
        and "/" in value
        and len(value) < 200
        and not value.startswith("/")
        and "\0" not in value
    }


class ImportGraph:
    """Which package imported which, noted while the imports happen."""

    def __init__(self) -> None:
        self.edges: dict[str, set[str]] = defaultdict(set)
        self._original: Callable[..., Any] = builtins.__import__

    def start(self) -> None:
        edges, original = self.edges, self._original

        def noted(name, globals=None, locals=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]
            if level == 0 and globals:
                importer = globals.get("__name__")
                if importer:
                    edges[importer.partition(".")[0]].add(name.partition(".")[0])
            return original(name, globals, locals, fromlist, level)

        builtins.__import__ = noted

    def closure(self, names: frozenset[str]) -> set[str]:
        """The given packages, those that the snippet imported while it ran, and all that they import."""
        found: set[str] = set()
        waiting = set(names) | self.edges.get("__main__", set())
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting |= self.edges.get(name, set()) - found
        return found - set(sys.stdlib_module_names)


_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
# Rights of linux/landlock.h that change a file system, by the ABI version that brought them.
_WRITE_FILE = 1 << 1
_CHANGE_RIGHTS = {1: sum(1 << bit for bit in (1, *range(4, 13))), 2: 1 << 13, 3: 1 << 14}


def landlock_version() -> int:
    """The kernel's Landlock ABI, 0 where it has none."""
    if not sys.platform.startswith("linux"):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def landlock(writable: list[Path]) -> bool:
    """Let this process and its children change files only below the given folders.

    Returns False where the kernel has no Landlock; the audit hook then stands alone.
    """
    version = landlock_version()
    if version < 1:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    rights = sum(right for abi, right in _CHANGE_RIGHTS.items() if abi <= version)
    handled = ctypes.c_uint64(rights)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if ruleset < 0:
        return False
    try:
        allowed = [(folder, rights) for folder in writable]
        allowed += [(Path("/dev"), _WRITE_FILE), (Path("/proc"), _WRITE_FILE), (Path("/dev/shm"), rights)]
        for folder, permitted in allowed:
            if folder.exists():
                _allow(libc, ruleset, folder, permitted)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            return False
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _allow(libc: ctypes.CDLL, ruleset: int, folder: Path, rights: int) -> None:
    descriptor = os.open(folder, os.O_PATH)
    try:
        rule = _PathBeneath(rights, descriptor)
        libc.syscall(_ADD_RULE, ruleset, 1, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
