"""The Replicate snippet, unchanged, against a loopback server that speaks Replicate's HTTP protocol.

Started, polled, succeeded, failed, cancelled, never finished, refused, throttled, broken, not there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SNIPPET = ROOT / "snippets" / "use_before_you_train" / "call_replicate.py"
TOKEN = "r8_the_right_one"
ID = "ufawqhfynnddngldkgtslldrkq"
MODEL = "black-forest-labs/flux-schnell"
CREATE = f"POST /v1/models/{MODEL}/predictions"
LOOK = f"GET /v1/predictions/{ID}"
CANCEL = f"POST /v1/predictions/{ID}/cancel"
FILE = "GET /output/0.png"


@dataclass
class Case:
    """What the server does, and what the snippet is given."""

    states: list[str]
    """The state that each answer reports in turn; the last one stays."""
    error: str | None = None
    """Why the prediction failed."""
    faults: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Method and path -> statuses and bodies that come before the first good answer."""
    token: str | None = TOKEN
    """What the snippet finds in REPLICATE_API_TOKEN."""
    listening: bool = True


@dataclass
class Outcome:
    code: int
    out: str
    err: str
    requests: list[str]
    """Method and path, in order."""
    bodies: list[Any]
    tokens: dict[str, str | None]
    """Method and path -> the Authorization header that came with it."""
    files: dict[str, bytes]
    """What it left in its folder."""


def problem(status: int, title: str, detail: str) -> tuple[int, str]:
    return status, json.dumps({"title": title, "detail": detail, "status": status})


UNFINISHED = ["starting", "processing"]
CASES = {
    "no token": Case(UNFINISHED, token=None),
    "empty token": Case(UNFINISHED, token=""),
    "succeeds": Case(["starting", "starting", "processing", "processing", "succeeded"]),
    "ready at once": Case(["succeeded"]),
    "fails": Case([*UNFINISHED, "failed"], error="NSFW content detected. Try another prompt."),
    "cancelled elsewhere": Case([*UNFINISHED, "canceled"]),
    "ready at the last look": Case(["starting", *["processing"] * 119, "succeeded"]),
    "never finishes": Case(UNFINISHED),
    "wrong token": Case(UNFINISHED, token="r8_another"),
    "no credit": Case(
        UNFINISHED,
        faults={CREATE: [problem(402, "Insufficient credit", "You have no credit to run this model.")]},
    ),
    "throttled at the start": Case(
        UNFINISHED, faults={CREATE: [(429, '{"detail": "Request was throttled. Wait a second."}')]}
    ),
    "throttled once while it waits": Case(
        [*UNFINISHED, "succeeded"], faults={LOOK: [(429, '{"detail": "Request was throttled."}')]}
    ),
    "breaks while it waits": Case([*UNFINISHED, "succeeded"], faults={LOOK: [(500, "<h1>Oops</h1>")]}),
    "output is gone": Case([*UNFINISHED, "succeeded"], faults={FILE: [(404, "")]}),
    "nobody listens": Case(UNFINISHED, listening=False),
}


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
"""What the model drew: bytes that must arrive as they are."""


class Replicate(ThreadingHTTPServer):
    """One account, one official model, and what `case` says about its only prediction."""

    daemon_threads = True

    def __init__(self, case: Case) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.states = list(case.states)
        self.faults = {place: list(faults) for place, faults in case.faults.items()}
        self.error = case.error
        self.input: Any = None
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.tokens: dict[str, str | None] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def prediction(self) -> dict[str, Any]:
        """The resource as it is now; each look brings it one state further."""
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        place = f"{self.url}/v1/predictions/{ID}"
        return {
            "id": ID,
            "model": MODEL,
            "version": "hidden",
            "input": self.input,
            "logs": "",
            "output": [f"{self.url}/output/0.png"] if state == "succeeded" else None,
            "data_removed": False,
            "error": self.error if state == "failed" else None,
            "status": state,
            "created_at": "2026-01-01T00:00:00.000Z",
            "urls": {"get": place, "cancel": f"{place}/cancel"},
        }


class _Handler(BaseHTTPRequestHandler):
    server: Replicate

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        replicate, place = self.server, f"{self.command} {self.path}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        replicate.requests.append(place)
        replicate.tokens[place] = self.headers.get("Authorization")
        if faults := replicate.faults.get(place):
            self.send(*faults.pop(0))
        elif place == FILE:
            self.send(200, PICTURE, "image/png")
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.send(*problem(401, "Unauthenticated", "You did not pass a valid authentication token"))
        elif place == CREATE:
            replicate.bodies.append(json.loads(body))
            replicate.input = replicate.bodies[-1]["input"]
            self.send(201, json.dumps(replicate.prediction()))
        elif place == CANCEL:
            replicate.states = ["canceled"]
            self.send(200, json.dumps(replicate.prediction()))
        elif place == LOOK:
            self.send(200, json.dumps(replicate.prediction()))
        else:
            self.send(*problem(404, "Not found", "The requested resource could not be found."))

    def send(self, status: int, body: str | bytes, kind: str = "application/json") -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def run(case: Case, folder: Path) -> Outcome:
    """The snippet in a process of its own; only its environment says where Replicate is."""
    server = Replicate(case)
    url = server.url
    if case.listening:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    else:
        server.server_close()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REPLICATE_")}
    environment |= {
        "REPLICATE_BASE_URL": url,
        "REPLICATE_POLL_INTERVAL": "0.002",
        "NO_PROXY": "127.0.0.1",
    }
    if case.token is not None:
        environment["REPLICATE_API_TOKEN"] = case.token
    try:
        done = subprocess.run(
            [sys.executable, str(SNIPPET)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        if case.listening:
            server.shutdown()
            server.server_close()
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    seen = (server.requests, server.bodies, server.tokens)
    return Outcome(done.returncode, done.stdout, done.stderr, *seen, files)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Every case, a few at a time: most of each is Python starting."""
    folders = [tmp_path_factory.mktemp("replicate") for _ in CASES]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield dict(zip(CASES, pool.map(run, CASES.values(), folders), strict=True))


@pytest.mark.parametrize("name", ["no token", "empty token"])
def test_without_a_token_it_says_what_it_needs(outcomes: dict[str, Outcome], name: str) -> None:
    found = outcomes[name]
    assert (found.code, found.err) == (0, "")
    assert found.out.count("\n") == 1
    assert "REPLICATE_API_TOKEN" in found.out
    assert found.requests == [], "nothing is asked of anybody"


def test_it_follows_a_prediction_and_fetches_the_picture(outcomes: dict[str, Outcome]) -> None:
    found = outcomes["succeeds"]
    assert (found.code, found.err) == (0, "")
    assert found.out == "starting\nprocessing\nsucceeded\nforge.png: 10,248 bytes\n"
    assert found.files == {"forge.png": PICTURE}
    assert found.requests == [CREATE, *[LOOK] * 4, FILE]
    assert [set(body) for body in found.bodies] == [{"input"}]
    assert set(found.bodies[0]["input"]) == {"prompt", "output_format", "seed"}
    assert found.tokens[CREATE] == found.tokens[LOOK] == f"Bearer {TOKEN}"
    assert found.tokens[FILE] is None, "the token stays with Replicate"


def test_it_does_not_wait_for_what_is_ready(outcomes: dict[str, Outcome]) -> None:
    found = outcomes["ready at once"]
    assert (found.code, found.out) == (0, "succeeded\nforge.png: 10,248 bytes\n")
    assert found.requests == [CREATE, FILE]


def test_the_last_look_counts(outcomes: dict[str, Outcome]) -> None:
    found = outcomes["ready at the last look"]
    assert (found.code, found.files) == (0, {"forge.png": PICTURE})
    assert found.requests == [CREATE, *[LOOK] * 120, FILE]


def test_the_client_rides_out_a_throttled_look(outcomes: dict[str, Outcome]) -> None:
    found = outcomes["throttled once while it waits"]
    assert (found.code, found.err) == (0, "")
    assert found.out == "starting\nprocessing\nsucceeded\nforge.png: 10,248 bytes\n"
    assert found.requests == [CREATE, *[LOOK] * 3, FILE]


def test_it_gives_up_and_cancels(outcomes: dict[str, Outcome]) -> None:
    found = outcomes["never finishes"]
    assert (found.code, found.out) == (1, "starting\nprocessing\n")
    assert found.err == "The picture is late: not ready after 120 looks, so it was cancelled.\n"
    assert found.requests == [CREATE, *[LOOK] * 120, CANCEL]


@pytest.mark.parametrize(
    ("name", "out", "sentence"),
    [
        (
            "fails",
            "starting\nprocessing\nfailed\n",
            "It ended as failed: NSFW content detected. Try another prompt.",
        ),
        (
            "cancelled elsewhere",
            "starting\nprocessing\ncanceled\n",
            "It ended as canceled: no reason given",
        ),
        ("wrong token", "", "Replicate answered 401: You did not pass a valid authentication token"),
        ("no credit", "", "Replicate answered 402: You have no credit to run this model."),
        ("throttled at the start", "", "Replicate answered 429: Request was throttled. Wait a second."),
        ("breaks while it waits", "starting\n", "Replicate answered 500: no reason given"),
        (
            "output is gone",
            "starting\nprocessing\nsucceeded\n",
            "No picture arrived: Client error '404 Not Found' for url '",
        ),
        ("nobody listens", "", "No picture arrived: "),
    ],
)
def test_a_failure_is_one_sentence(outcomes: dict[str, Outcome], name: str, out: str, sentence: str) -> None:
    found = outcomes[name]
    assert (found.code, found.out) == (1, out)
    assert found.err.startswith(sentence)
    assert found.err.count("\n") == 1, "no traceback"
    assert TOKEN not in found.err
    assert found.files == {}
    if not sentence.endswith((" ", "'")):
        assert found.err == sentence + "\n"


def test_what_was_refused_is_not_asked_again(outcomes: dict[str, Outcome]) -> None:
    """A second POST could be a second bill."""
    for name in ("wrong token", "no credit", "throttled at the start"):
        assert outcomes[name].requests == [CREATE]
    assert outcomes["nobody listens"].requests == []
