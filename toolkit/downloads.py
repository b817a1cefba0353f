"""Refuse files from the Hub that came damaged, before anything computes with them.

The Hub's client compares the size of what it downloads, not its hash, and never looks again at what lies
in its cache. There each file is named by its hash: SHA-256 for weights, git's SHA-1 for small files. An
audit hook compares the two when the client links a file into a snapshot, and when a snapshot that lies
in the cache already is opened for the first time. What does not fit is removed, so that the next run
downloads it again.

`toolkit/startup/` brings this into every Python process below `--weights hub`. It therefore needs
nothing but Python, not even the rest of this package.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from types import TracebackType
from typing import Any

_REPOSITORY = r"(?P<repository>.*/models--(?P<id>[^/]+))"
_SNAPSHOT = re.compile(_REPOSITORY + r"/snapshots/(?P<revision>[0-9a-f]{40})/(?P<file>.+)")
_BLOB = re.compile(_REPOSITORY + r"/blobs/(?P<digest>[^/.]+)(?P<rest>\..*)?")

_lock = threading.RLock()
_opened: set[str] = set()
_verified: set[tuple[int, ...]] = set()
_given_up: set[str] = set()
refused: list[str] = []
"""What was refused in this process, one sentence each, even if a library passed over it."""


class BadDownload(BaseException):
    """Not an Exception: a library that passes over it would go on without the file, or with a guess."""


def watch() -> None:
    """From now on, until the process ends: an audit hook can't be taken off."""
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" or event == "os.remove":
        path = args[0]
    elif event == "os.symlink" or event == "os.rename":
        path = args[1]
    else:
        return
    if isinstance(path, int) or "models--" not in (path := os.fsdecode(path)):
        return
    path = os.path.abspath(path).replace(os.sep, "/")
    if event == "os.remove":
        _failed(path)
    elif snapshot := _SNAPSHOT.fullmatch(path):
        if event == "open":
            _open(snapshot)
        else:
            source = os.path.join(os.path.dirname(path), os.fsdecode(args[0]))
            _compare(source, os.path.basename(source), snapshot["file"], snapshot)
    elif event == "os.rename" and os.path.lexists(path) and (blob := _BLOB.fullmatch(path)):
        # A download that was asked for although the file is there; its links stay as they are.
        _compare(os.fsdecode(args[0]), blob["digest"], "", blob)


def _open(snapshot: re.Match[str]) -> None:
    folder = f"{snapshot['repository']}/snapshots/{snapshot['revision']}"
    with _lock:
        if folder in _opened:
            return
        _opened.add(folder)
        for path in _links(folder):
            blob = os.path.realpath(path)
            if os.path.exists(blob):
                _compare(blob, os.path.basename(blob), os.path.relpath(path, folder), snapshot)


def _links(folder: str) -> list[str]:
    return [
        path
        for parent, _, names in os.walk(folder)
        for name in names
        if os.path.islink(path := os.path.join(parent, name))
    ]


def _compare(file: str, digest: str, name: str, place: re.Match[str]) -> None:
    """Raises BadDownload, and removes the file and all links to it, if its hash is not its name."""
    about = os.stat(file)
    identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
    with _lock:
        if identity in _verified:
            return
        found = _hash(file, about.st_size, len(digest))
        if not found or found == digest:
            _verified.add(identity)
            return
        os.remove(file)
        for path in _links(f"{place['repository']}/snapshots"):
            if os.path.basename(os.path.realpath(path)) == digest:
                name = name or os.path.basename(path)
                os.remove(path)
    kind = "SHA-256" if len(digest) == 64 else "SHA-1"
    reason = f"came damaged, with {kind} {found[:12]}… instead of {digest[:12]}…"
    _refuse(f"`{name}` of `{_id(place)}` {reason}; it has been removed: run this again")


def _hash(file: str, size: int, length: int) -> str:
    """The hash that the Hub would name this file by, or "" if its name is of another kind."""
    if length not in (40, 64):
        return ""  # so for an endpoint that is not the Hub, or a cache that is not the Hub's client's
    with open(file, "rb") as opened:
        if length == 64:
            return hashlib.file_digest(opened, "sha256").hexdigest()
        return hashlib.sha1(b"blob %d\0" % size + opened.read(), usedforsecurity=False).hexdigest()


def _failed(path: str) -> None:
    """The client gives up on a file, and is about to remove what it has of it.

    transformers would try the same download again for each class that the model could have, for
    minutes, and then say that the model's folder lacks a `pytorch_model.bin`.
    """
    error = sys.exc_info()[1]
    blob = _BLOB.fullmatch(path)
    if not isinstance(error, Exception) or blob is None or not (blob["rest"] or "").endswith(".incomplete"):
        return
    with _lock:
        if path in _given_up or not os.path.exists(path):
            return
        _given_up.add(path)
        os.remove(path)
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    _refuse(f"a file of `{_id(blob)}` could not be downloaded ({reason}): run this again")


def _id(place: re.Match[str]) -> str:
    return place["id"].replace("--", "/")


def _refuse(sentence: str) -> None:
    refused.append(sentence)
    raise BadDownload(sentence)


def say_it_in_one_sentence() -> None:
    """At the end of a program that such an error ends, no traceback."""
    usual = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, BadDownload):
            print(f"error: {error}", file=sys.stderr)
        else:
            usual(kind, error, trace)

    sys.excepthook = excepthook
