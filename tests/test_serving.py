"""The server that batches, under a load that is held back and let go, and the load test that drives it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.test_chat import gone, hasty, marked
from toolkit import hub
from toolkit.book import Book
from toolkit.snippets import read

pytestmark = pytest.mark.xdist_group("serving")

FOLDER = ROOT / "snippets" / "inference_considerations"
ROOM = 64
"""Requests that may wait; tests of overload fill it."""

HARNESS = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
import serve_batched
from transformers import pipeline

app, original, here = serve_batched.app, serve_batched.classify, Path({here!r})
alone = pipeline("text-classification", model=serve_batched.model, tokenizer=serve_batched.tokenizer)

def classify(batch):
    texts = [serve_batched.tokenizer.decode(text["input_ids"], skip_special_tokens=True) for text in batch]
    with open(here / "passes", "a") as file:
        file.write(json.dumps(texts) + "\\n")
    while (here / "hold").exists():
        time.sleep(0.01)
    if any("poison" in text for text in texts):
        raise RuntimeError("the model can't bear it")
    return original(batch)

serve_batched.classify = classify

@app.get("/waiting")
async def waiting() -> int:
    return app.state.waiting.qsize()

@app.post("/alone")
def unbatched(review: serve_batched.Review) -> dict:
    return alone(review.text)[0]
"""
"""The snippet's own app, whose forward passes are noted, and wait as long as a file `hold` exists."""


class Server:
    """The app in a process of its own, and many clients."""

    def __init__(self, here: Path) -> None:
        self.here = here
        (here / "harness.py").write_text(HARNESS.format(folder=str(FOLDER), here=str(here)))
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = door.getsockname()[1]
        self.mark = f"SERVING_TEST={here}"
        command = [sys.executable, "-m", "uvicorn", "harness:app", "--port", str(self.port)]
        environment = {**os.environ, **hub.environment(Book(ROOT)), "SERVING_TEST": str(here)}
        with open(here / "log", "w") as log:
            self.process = subprocess.Popen(command, cwd=here, env=environment, stderr=log)
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=120, limits=httpx.Limits(max_connections=None)
        )
        self.people = ThreadPoolExecutor(ROOM + 40)

    def __enter__(self) -> Server:
        try:
            self.until(self.listens, 240)
        except BaseException:
            self.__exit__()
            raise
        return self

    def listens(self) -> bool:
        assert self.process.poll() is None, (self.here / "log").read_text()
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0

    def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.02)

    def ask(self, text: object, path: str = "/classify") -> httpx.Response:
        return self.http.post(path, json={"text": text})

    def send(self, texts: list[str]) -> list[Future[httpx.Response]]:
        return [self.people.submit(self.ask, text) for text in texts]

    def waiting(self) -> int:
        return int(self.http.get("/waiting").json())

    def passes(self) -> list[list[str]]:
        file = self.here / "passes"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def hold(self) -> Future[httpx.Response]:
        """Send one request whose forward pass waits, so that all others do."""
        (self.here / "hold").touch()
        (self.here / "passes").unlink(missing_ok=True)
        (first,) = self.send(["held"])
        self.until(lambda: self.passes() == [["held"]])
        return first

    def release(self) -> None:
        (self.here / "hold").unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        self.release()
        self.process.kill()
        self.process.wait()
        self.people.shutdown()
        self.http.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("serving")) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    yield running
    running.release()


def numbered(count: int) -> list[str]:
    return [f"{'great' if number % 2 else 'awful'} part {number}" for number in range(count)]


def test_requests_that_wait_share_a_forward_pass(server: Server) -> None:
    first = server.hold()
    texts = numbered(40)
    rest = server.send(texts)
    server.until(lambda: server.waiting() == 40)
    server.release()
    assert [reply.result().status_code for reply in (first, *rest)] == [200] * 41
    assert [len(batch) for batch in server.passes()] == [1, 16, 16, 8]
    assert sorted(text for batch in server.passes()[1:] for text in batch) == sorted(texts)


def test_an_answer_does_not_depend_on_who_shared_the_pass(server: Server) -> None:
    texts = [
        *numbered(6),
        "It broke on the first day. " * 30,
        "meh",
        "Worth every penny; I would buy it again.",
    ]
    server.hold()
    together = server.send(texts)
    server.until(lambda: server.waiting() == len(texts))
    server.release()
    labels = set()
    for text, reply in zip(texts, together, strict=True):
        shared, alone = reply.result().json(), server.ask(text, "/alone").json()
        labels.add(shared["label"])
        assert shared["label"] == alone["label"], text
        assert shared["probability"] == pytest.approx(alone["score"], abs=1e-3)
    assert labels == {"POSITIVE", "NEGATIVE"}


def test_a_full_queue_refuses_at_once_and_serves_on_afterwards(server: Server) -> None:
    first = server.hold()
    accepted = server.send(numbered(ROOM))
    server.until(lambda: server.waiting() == ROOM)
    for reply in server.send(["one too many"] * 10):  # while the model is at work
        refused = reply.result(timeout=30)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["detail"] == "64 requests wait already: come back later."
    server.release()
    assert [reply.result().status_code for reply in (first, *accepted)] == [200] * (ROOM + 1)
    assert server.ask("one too many").status_code == 200


def test_a_text_that_breaks_the_model_fails_alone(server: Server) -> None:
    server.hold()
    texts = [*numbered(5), "poison", *numbered(9)]
    replies = server.send(texts)
    server.until(lambda: server.waiting() == len(texts))
    server.release()
    statuses = {text: reply.result().status_code for text, reply in zip(texts, replies, strict=True)}
    assert statuses.pop("poison") == 500
    assert set(statuses.values()) == {200}
    assert len(server.passes()) < len(texts), "halves, not one by one"


@pytest.mark.parametrize(
    "text", ["", " \n", "x" * 2001, "! " * 1000, 7, None, ["a"]], ids=lambda text: repr(text)[:9]
)
def test_what_cannot_be_read_is_refused_before_it_joins_a_batch(server: Server, text: object) -> None:
    before = server.passes()
    assert server.ask(text).status_code == 422
    assert server.passes() == before


def test_half_a_character_is_refused(server: Server) -> None:
    kind = {"Content-Type": "application/json"}
    assert server.http.post("/classify", content=b'{"text": "\\ud800"}', headers=kind).status_code == 422


def test_a_client_that_goes_away_is_not_computed_and_holds_nobody_up(server: Server) -> None:
    first = server.hold()
    body = json.dumps({"text": "gone before"}).encode()
    head = "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as leaver:
        leaver.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        server.until(lambda: server.waiting() == 1)
    (stays,) = server.send(["stays"])
    server.until(lambda: server.waiting() == 2)
    server.release()
    assert (first.result().status_code, stays.result().status_code) == (200, 200)
    assert server.passes() == [["held"], ["stays"]]


def test_a_shutdown_answers_what_was_accepted_and_refuses_the_rest(server: Server) -> None:
    """The last of those that share the server: it ends it."""
    first = server.hold()
    poisoned = (server.here / "log").read_text().count("Traceback")
    accepted = server.send(numbered(40))
    server.until(lambda: server.waiting() == 40)
    server.process.send_signal(signal.SIGTERM)
    server.until(lambda: not server.listens())  # and while it owes answers, it has not ended
    server.release()
    replies = [reply.result() for reply in (first, *accepted)]
    assert [reply.status_code for reply in replies] == [200] * 41
    assert {reply.json()["label"] for reply in replies} == {"POSITIVE", "NEGATIVE"}
    server.process.wait(timeout=30)
    assert gone(server.mark), marked(server.mark)
    assert (server.here / "log").read_text().count("Traceback") == poisoned


LOADS = {"load_test": "uvicorn", "load_transformers_serve": " serve "}
"""What drives a server, and a word of the server's command."""


def load_cell(name: str) -> str:
    (source,) = (
        cell.source
        for cell in read(FOLDER / f"{name}.py", Book(ROOT)).cells
        if cell.title == "be many clients at once"
    )
    return source


def test_both_servers_get_the_same_load() -> None:
    assert load_cell("load_test") == load_cell("load_transformers_serve")


class Busy(BaseHTTPRequestHandler):
    """Refuses what it has not refused before, and notes who asked when."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked: list[tuple[float, str]] = self.server.asked  # type: ignore[attr-defined]
        new = body["text"] not in [text for _, text in asked]
        asked.append((time.monotonic(), body["text"]))
        answer = json.dumps(body).encode()
        self.send_response(429 if new else 200)
        self.send_header("Retry-After", "0.3")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def test_a_client_of_the_load_waits_when_it_is_told_to() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as busy:
        busy.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=busy.serve_forever, args=(0.05,), daemon=True).start()
        space: dict[str, Any] = {"time": time}
        exec(load_cell("load_test"), space)
        url = f"http://127.0.0.1:{busy.server_port}/"
        with ThreadPoolExecutor() as aside:  # this thread may hold the browser of other tests
            load = space["load"](url, [{"text": "a"}], 1, 0.6)
            replies, seconds = aside.submit(asyncio.run, load).result()
        busy.shutdown()
    assert [status for status, *_ in replies][:2] == [429, 200]
    times = [when for when, _ in busy.asked]  # type: ignore[attr-defined]
    assert times[1] - times[0] >= 0.3
    assert seconds >= 0.6
    assert all(0 < took < seconds and reply == {"text": "a"} for _, took, reply in replies)


def environment(here: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "SERVING_TEST": str(here), **more}


@pytest.mark.parametrize("name", LOADS)
def test_no_server_outlives_a_load_that_is_ended(name: str, tmp_path: Path) -> None:
    (tmp_path / "snippets").symlink_to(ROOT / "snippets")
    mark = f"SERVING_TEST={tmp_path}"
    command = [sys.executable, str(FOLDER / f"{name}.py")]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not any(LOADS[name] in started for started in marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert any(LOADS[name] in started for started in marked(mark))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 1
    assert gone(mark), marked(mark)


@pytest.mark.parametrize(
    ("name", "moment"),
    [("load_test", "starts"), ("load_test", "ends"), ("load_transformers_serve", "starts")],
)
def test_no_server_outlives_a_load_that_is_ended_at_the_worst_moment(
    name: str, moment: str, tmp_path: Path
) -> None:
    (tmp_path / "snippets").symlink_to(ROOT / "snippets")
    starts, *_ = read(FOLDER / f"{name}.py", Book(ROOT)).cells
    program = tmp_path / "serve_and_end.py"
    program.write_text(f"{starts.source}\nwith serving({'1' if name == 'load_test' else ''}):\n    pass\n")
    embedded = environment(tmp_path, **hub.environment(Book(ROOT)))
    assert hasty(program, moment, tmp_path, embedded) == 1
    assert gone(mark := f"SERVING_TEST={tmp_path}"), marked(mark)


def test_without_a_model_the_load_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "snippets").symlink_to(ROOT / "snippets")
    nowhere = environment(tmp_path, HF_HUB_CACHE=str(tmp_path / "empty"), HF_HUB_OFFLINE="1")
    command = [sys.executable, str(FOLDER / "load_test.py")]
    result = subprocess.run(
        command, cwd=tmp_path, env=nowhere, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "the server did not start: it says why above"
    assert gone(f"SERVING_TEST={tmp_path}")


def test_without_its_server_the_load_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "load_test.py")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    missing = "snippets/inference_considerations/serve_batched.py is missing"
    assert result.returncode == 1
    assert result.stderr == f"{missing}: download it from the book's page and put it there\n"
