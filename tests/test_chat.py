"""The chat over HTTP: with a server of its own, with somebody's, with none, and with the wrong key."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallBook
from tests.test_hub import CATALOG
from toolkit import hub
from toolkit.book import Book
from toolkit.record import read_record

SNIPPET = ROOT / "snippets" / "real_world_examples" / "chat_api.py"


class Endpoint(BaseHTTPRequestHandler):
    """As OpenAI's: it knows one key, answers whole or as a stream, and says 401 to everybody else."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, body))  # type: ignore[attr-defined]
        if self.headers["Authorization"] != "Bearer right":
            error = {"message": "Incorrect API key provided.", "code": "invalid_api_key"}
            return self.answer(401, "application/json", json.dumps({"error": error}))
        about = {"id": "1", "created": 0, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "finish_reason": "stop"}
            choice["message"] = {"role": "assistant", "content": "thirty two"}
            whole = {**about, "object": "chat.completion", "choices": [choice]}
            return self.answer(200, "application/json", json.dumps(whole))
        events = []
        for delta in ({"role": "assistant"}, {"content": "thirty"}, {"content": " two"}, {}):
            piece = {**about, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
            events.append(f"data: {json.dumps(piece)}\n\n")
        # Usage comes last, in a piece without choices.
        events.append(f"data: {json.dumps({**about, 'object': 'chat.completion.chunk', 'choices': []})}\n\n")
        self.answer(200, "text/event-stream", "".join(events) + "data: [DONE]\n\n")

    def answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def endpoint() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def environment(**more: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}, **more}


def chat(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SNIPPET)],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def marked(mark: str) -> list[str]:
    """Commands of the processes that carry this text in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


HASTY = """
import os, runpy, signal, subprocess, sys

class Hasty(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        if {moment!r} == "starts":
            os.kill(os.getpid(), signal.SIGTERM)

    def send_signal(self, number):
        if {moment!r} == "ends":
            os.kill(os.getpid(), signal.SIGTERM)
        super().send_signal(number)

subprocess.Popen = Hasty
runpy.run_path({program!r}, run_name="__main__")
"""
"""Ends a program at the worst moments: its server runs, but no name stands for it yet; or it is about to
be told to end."""


def hasty(program: Path, moment: str, here: Path, environment: dict[str, str]) -> int:
    """What the program returns if it is told to end when its server `starts` or `ends`."""
    source = HASTY.format(moment=moment, program=str(program))
    command = [sys.executable, "-c", source]
    return subprocess.run(command, cwd=here, env=environment, timeout=120, check=False).returncode


def gone(mark: str, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not marked(mark)


def test_somebodys_endpoint_answers_whole_and_in_pieces_and_refuses_a_wrong_key(
    endpoint: ThreadingHTTPServer, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{endpoint.server_port}/v1"
    result = chat(tmp_path, OPENAI_BASE_URL=address, OPENAI_API_KEY="right", OPENAI_MODEL="theirs")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "thirty two",
        "'thirty' ' two' ",
        "dead server: no answer: start the server, or correct OPENAI_BASE_URL",
        "wrong key: refused: the server does not know this key, set OPENAI_API_KEY",
    ]
    paths, bodies = zip(*endpoint.seen, strict=True)  # type: ignore[attr-defined]
    assert set(paths) == {"/v1/chat/completions"}
    assert {body["model"] for body in bodies} == {"theirs"}
    assert [bool(body.get("stream")) for body in bodies] == [False, True, False]


def test_a_readers_own_mistake_is_one_sentence(endpoint: ThreadingHTTPServer, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{endpoint.server_port}/v1"
    result = chat(tmp_path, OPENAI_BASE_URL=address, OPENAI_API_KEY="of somebody else")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "refused: the server does not know this key, set OPENAI_API_KEY\n"
    endpoint.shutdown()
    endpoint.server_close()
    result = chat(tmp_path, OPENAI_BASE_URL=address, OPENAI_API_KEY="right")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "no answer: start the server, or correct OPENAI_BASE_URL\n"


def test_its_own_server_answers_and_ends_with_it(tmp_path: Path) -> None:
    mark = f"CHAT_TEST={tmp_path}"
    result = chat(tmp_path, **hub.environment(Book(ROOT)), CHAT_TEST=str(tmp_path))
    assert result.returncode == 0, result.stderr
    record = read_record(Book(ROOT).record_file(SNIPPET), Book(ROOT)).outputs
    shown = "".join("".join(output["text"]) for outputs in record.values() for output in outputs)
    assert result.stdout == shown
    assert gone(mark), marked(mark)


def test_a_server_that_cannot_start_is_said_to_be_so(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_CACHE": str(tmp_path / "empty"), "HF_HUB_OFFLINE": "1", "CHAT_TEST": str(tmp_path)}
    result = chat(tmp_path, **nowhere)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "`transformers serve` did not start: it says why above"
    assert gone(f"CHAT_TEST={tmp_path}")


def test_no_server_outlives_a_program_that_is_ended(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_CACHE": str(tmp_path / "empty"), "HF_HUB_OFFLINE": "1", "CHAT_TEST": str(tmp_path)}
    mark = f"CHAT_TEST={tmp_path}"
    process = subprocess.Popen(
        [sys.executable, str(SNIPPET)], cwd=tmp_path, env=environment(**nowhere), stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not any(" serve " in command for command in marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert any(" serve " in command for command in marked(mark))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 1
    assert gone(mark), marked(mark)


def test_no_server_outlives_a_program_that_is_ended_while_it_starts_one(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_CACHE": str(tmp_path / "empty"), "HF_HUB_OFFLINE": "1", "CHAT_TEST": str(tmp_path)}
    assert hasty(SNIPPET, "starts", tmp_path, environment(**nowhere)) == 1
    assert gone(mark := f"CHAT_TEST={tmp_path}"), marked(mark)


def test_a_model_that_only_a_started_program_opens_is_in_the_record(small: SmallBook) -> None:
    folder = small.root / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    catalog = CATALOG.replace("{file}", "model.safetensors").replace("{digest}", digest)
    (small.root / "models" / "catalog.toml").write_text(catalog)
    text = """
    # %% start
    import subprocess, sys
    subprocess.run([sys.executable, "-c", "", "{}"], check=True)
    """
    small.snippet("starts", text.replace("{}", "someone/model"))
    small.snippet("apart", text.replace("{}", "someone/else"))
    small.snippet("indirect", text.replace("{}", "snippets/page/starts.py"))
    result = small.toolkit("record")
    assert result.returncode == 0, result.stderr
    for name in ("starts", "indirect"):
        (weights,) = read_record(small.record(name), small.book).about["weights"]
        assert (weights["id"], weights["name"], weights["from"]) == ("someone/model", "small", "embedded")
    assert read_record(small.record("apart"), small.book).about["weights"] == []
    changed = catalog.replace("parameters = 3", "parameters = 4")
    (small.root / "models" / "catalog.toml").write_text(changed)
    check = small.toolkit("record", "--check").stdout.splitlines()
    reason = "weights of `someone/model` changed"
    assert check == [f"snippets/page/{name}.py: {reason}" for name in ("indirect", "starts")]
