"""A loopback server that speaks the Hub's file protocol for the models of the catalog, well or badly.

What it answers is what huggingface.co answers to its own client: a small file lies in git and is named
by git's SHA-1; weights lie in LFS, are named by their SHA-256, and come from another host.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from toolkit import hub
from toolkit.book import Book

CHUNK = 64 * 1024
FAULTS = ("slow", "stalled", "500", "truncated", "short", "damaged", "401", "404")


@dataclass
class Fault:
    """What goes wrong, with which files, and how often."""

    kind: str
    """`slow` drips; `stalled` stops half-way and keeps the line open; `truncated` closes it there;
    `short` ends in good order, half-way; `damaged` has the right size and one wrong byte."""
    files: str = ""
    """How the names of the files end; all of them if empty."""
    times: int | None = None
    """How many requests it spoils; all of them if None."""

    def __post_init__(self) -> None:
        assert self.kind in FAULTS, self.kind

    def strikes(self, name: str) -> bool:
        if not name.endswith(self.files) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(frozen=True)
class File:
    """One file of a repository."""

    path: Path
    size: int
    etag: str
    lfs: bool


@cache
def describe(path: Path) -> File:
    data = path.read_bytes()
    lfs = path.suffix == ".safetensors"
    if lfs:
        return File(path, len(data), hashlib.sha256(data).hexdigest(), lfs)
    return File(path, len(data), hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(), lfs)


class HubServer:
    """Serves folders as repositories, from a thread of its own, between `with` and its end."""

    def __init__(self, repos: dict[str, tuple[str, Path]]) -> None:
        self.repos = repos
        """Id -> revision and folder."""
        self.fault: Fault | None = None
        self.log: list[str] = []
        """`METHOD /path status` of each request."""
        self.sent: Counter[str] = Counter()
        """File name -> bytes of its content that were sent."""
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.hub = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        # Another origin than the server's own, as the Hub's content network is.
        self.content = f"http://localhost:{self.port}"

    @classmethod
    def of_catalog(cls, book: Book) -> HubServer:
        folder = hub.lay_out(book)
        models = [model for model in hub.read_catalog(book).values() if not model.own]
        return cls(
            {
                model.id: (model.revision, folder / model.cache_name / "snapshots" / model.revision)
                for model in models
            }
        )

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()

    def reset(self, fault: Fault | None = None) -> None:
        """Forget the requests, and do wrong what is asked for."""
        with self._lock:
            self.fault = fault
            self.log.clear()
            self.sent.clear()

    def struck(self, name: str) -> str:
        """The fault that spoils this request, or nothing."""
        with self._lock:
            return self.fault.kind if self.fault and self.fault.strikes(name) else ""

    def note(self, line: str, name: str = "", sent: int = 0) -> None:
        with self._lock:
            if line:
                self.log.append(line)
            self.sent[name] += sent


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubServer:
        return self.server.hub  # type: ignore[attr-defined,no-any-return]

    def log_message(self, *_: Any) -> None:
        """The log is `HubServer.log`."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        try:
            self.route(urlsplit(self.path))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client had enough

    def route(self, url: Any) -> None:
        path = unquote(url.path)
        if match := re.fullmatch(r"/content/([0-9a-f]{64})/(.+)/resolve/([^/]+)/(.+)", path):
            return self.file(match[2], match[3], match[4], raw=True)
        if match := re.fullmatch(r"/api/resolve-cache/models/(.+)/([0-9a-f]{40})/(.+)", path):
            return self.file(match[1], match[2], match[3], raw=True)
        if match := re.fullmatch(r"/api/models/(.+?)(?:/(revision|tree)/([^/]+)(/.*)?)?", path):
            return self.api(match[1], match[2], match[3] or "main", (match[4] or "").strip("/"), url.query)
        if match := re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path):
            return self.file(match[1], match[2], match[3])
        self.refuse(404, "EntryNotFound", "there is nothing at this address")

    def repo(self, name: str, revision: str) -> tuple[str, Path] | None:
        """Revision and folder; answers itself and returns None if there is no such thing."""
        if name not in self.hub.repos:
            # To strangers the Hub doesn't tell a private repository from one that never was.
            self.refuse(401, "RepoNotFound", "Invalid username or password.")
            return None
        commit, folder = self.hub.repos[name]
        if revision not in ("main", commit):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return commit, folder

    def api(self, name: str, what: str | None, revision: str, under: str, query: str) -> None:
        found = self.repo(name, revision)
        if not found:
            return
        commit, folder = found
        kind = self.hub.struck(f"api:{what or 'model'}")
        if kind in ("500", "401", "404"):
            return self.refuse(int(kind), "", "as the test asked for")
        files = {file.relative_to(folder).as_posix(): describe(file) for file in sorted(files_in(folder))}
        if what == "tree":
            deep = parse_qs(query).get("recursive", ["False"])[0].lower() in ("true", "1")
            return self.json(list(tree(files, under, deep)), commit)
        about = {
            "_id": commit[:24],
            "id": name,
            "modelId": name,
            "author": name.split("/")[0],
            "sha": commit,
            "private": False,
            "gated": False,
            "disabled": False,
            "tags": ["safetensors"],
            "downloads": 1,
            "likes": 1,
            "siblings": [{"rfilename": path} for path in files],
        }
        self.json(about, commit)

    def file(self, name: str, revision: str, path: str, raw: bool = False) -> None:
        found = self.repo(name, revision)
        if not found:
            return
        commit, folder = found
        place = folder / path
        about = {"X-Repo-Commit": commit}
        if not place.is_file() or ".." in path:
            return self.refuse(404, "EntryNotFound", "Entry not found", about)
        file = describe(place)
        about |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.etag}"'}
        if not raw:
            kind = self.hub.struck(path) if self.hub.fault and self.hub.fault.kind in ("401", "404") else ""
            if kind:
                code = "RepoNotFound" if kind == "401" else "EntryNotFound"
                return self.refuse(int(kind), code, "as the test asked for", about)
            where = f"/api/resolve-cache/models/{name}/{commit}/{path}"
            if file.lfs:
                where = f"{self.hub.content}/content/{file.etag}/{name}/resolve/{commit}/{path}"
            about |= {"Location": where, "ETag": f'"{file.etag}"'}
            return self.answer(302 if file.lfs else 307, b"", about)
        self.body(file, path, about | {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"})

    def body(self, file: File, path: str, about: dict[str, str]) -> None:
        head = self.command == "HEAD"
        fault = self.hub.fault
        # A HEAD shows nothing of a body's faults, a server's own failure it does.
        kind = self.hub.struck(path) if fault and (not head or fault.kind in ("500", "stalled")) else ""
        if kind == "500":
            return self.refuse(500, "", "Internal Error")
        if kind == "stalled" and head:
            return self.wait()
        data = file.path.read_bytes()
        start, status = 0, 200
        if (wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))) and not head:
            start, status = int(wanted[1]), 206
            if start >= len(data):
                about = {"Content-Range": f"bytes */{len(data)}"}
                return self.answer(416, b"", about)
            about = about | {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        half = len(data) // 2
        promised = len(data) - start
        if kind == "damaged":
            data = data[:-1] + bytes([data[-1] ^ 1])
        elif kind == "short":
            promised = max(0, half - start)
        self.note(status)
        self.send_response(status)
        for header, value in (about | {"Content-Length": str(promised)}).items():
            self.send_header(header, value)
        self.end_headers()
        if head:
            return
        end = half if kind in ("stalled", "truncated", "short") else len(data)
        pause = 0.1 if kind == "slow" else 0.0
        for at in range(start, end, CHUNK):
            part = data[at : min(at + CHUNK, end)]
            self.wfile.write(part)
            self.hub.note("", path, len(part))
            if pause:
                time.sleep(pause)
        if kind == "stalled":
            return self.wait()
        if kind == "truncated":
            self.close_connection = True

    def wait(self) -> None:
        """Keep the line open and say nothing, until the test is over."""
        self.hub.stop.wait(60)
        self.close_connection = True

    def json(self, value: Any, commit: str) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Repo-Commit": commit}
        self.answer(200, json.dumps(value).encode(), headers)

    def refuse(self, status: int, code: str, reason: str, about: dict[str, str] | None = None) -> None:
        headers = {**(about or {}), "X-Error-Message": reason, "Content-Type": "application/json"}
        if code:
            headers["X-Error-Code"] = code
        self.answer(status, json.dumps({"error": reason}).encode(), headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.note(status)
        self.send_response(status)
        for header, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def note(self, status: int) -> None:
        self.hub.note(f"{self.command} {self.path} {status}")


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def tree(files: dict[str, File], under: str, deep: bool) -> Any:
    """The entries below a folder of a repository, as its API lists them."""
    folders = set()
    for path, file in files.items():
        if under and not path.startswith(under + "/"):
            continue
        rest = path[len(under) + 1 :] if under else path
        if "/" in rest:
            folders.add(path[: len(path) - len(rest)] + rest.split("/")[0])
            if not deep:
                continue
        entry: dict[str, Any] = {"type": "file", "path": path, "size": file.size, "oid": file.etag}
        if file.lfs:
            # In git lies a pointer of three lines; its own SHA-1 plays no part here.
            entry["oid"] = file.etag[:40]
            entry["lfs"] = {"oid": file.etag, "size": file.size, "pointerSize": 135}
        yield entry
    for folder in sorted(folders):
        yield {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
