"""Spread snippets over the nodes of a Ray cluster: a runner like those of `toolkit.run`.

Ray copies the book to each node, says which nodes live, and carries snippets there and outcomes
back. On each node one actor keeps one `toolkit.node` with a warm worker, and has as many snippets
at a time as the node has CPUs; a snippet that measures time has its node to itself. When a node
dies, what it ran is run elsewhere; only an outcome that came back is written, so none is twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from toolkit.book import Book, BookError
from toolkit.execute import Fault
from toolkit.run import Run
from toolkit.snippets import Snippet

ATTEMPTS = 3
"""Nodes that one snippet may take with it before it is to blame."""
PATIENCE_SECONDS = 60.0
"""How long a cluster may be without any node."""
_LOOK_SECONDS = 2.0
_EXCLUDED = [".git", ".venv", ".cache", "site", "node_modules"]


class NodeProgram:
    """The actor of one node: passes snippets on to a `toolkit.node`, and its outcomes back."""

    def __init__(self, weights: str, jobs: int) -> None:
        self.weights, self.jobs = weights, jobs
        self.program: asyncio.subprocess.Process | None = None
        self.waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def run(self, shown: str) -> dict[str, Any]:
        """The outcome of a snippet, or under "lost" why the program under it ended."""
        if self.program is None or self.program.returncode is not None:
            await self._start()
        assert self.program is not None and self.program.stdin is not None
        outcome = self.waiting[shown] = asyncio.get_running_loop().create_future()
        with contextlib.suppress(OSError):  # it has ended; the reader of its replies says so
            self.program.stdin.write(f"{shown}\n".encode())
            await self.program.stdin.drain()
        return await outcome

    async def _start(self) -> None:
        root = os.getcwd()  # where Ray put the book
        command = [sys.executable, "-m", "toolkit", "node", "--weights", self.weights]
        self.program = await asyncio.create_subprocess_exec(
            *command,
            f"--jobs={self.jobs}",
            env={**os.environ, "BOOK_ROOT": root},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            limit=100_000_000,
        )
        self._replies = asyncio.create_task(self._read(self.program))

    async def _read(self, program: asyncio.subprocess.Process) -> None:
        assert program.stdout is not None and program.stderr is not None
        said = asyncio.create_task(_end_of(program.stderr))
        async for line in program.stdout:
            reply = json.loads(line)
            self.waiting.pop(reply["snippet"]).set_result(reply)
        await program.wait()
        why = (await said).strip() or f"status {program.returncode}"
        for outcome in self.waiting.values():
            outcome.set_result({"lost": why})
        self.waiting.clear()


async def _end_of(stream: asyncio.StreamReader) -> str:
    """The last of what a program wrote, read all along so that it never waits for a reader."""
    kept = b""
    while data := await stream.read(65536):
        kept = (kept + data)[-2000:]
    return kept.decode("utf-8", "replace")


@dataclass
class _Node:
    identity: str
    jobs: int
    actor: Any
    running: dict[Any, Snippet] = field(default_factory=dict)

    def takes(self, snippet: Snippet) -> bool:
        if any(other.alone for other in self.running.values()):
            return False
        return not self.running if snippet.alone else len(self.running) < self.jobs


class ClusterRunner:
    """Runs snippets on every node of the cluster at `address`, nodes that join later included."""

    def __init__(self, book: Book, address: str, weights: str = "embedded", jobs: int | None = None) -> None:
        """Raises BookError if there is no cluster. `jobs` caps what a node runs at a time."""
        self.book, self.address, self.weights, self.jobs = book, address, weights, jobs
        self.tick: Callable[[], None] = lambda: None
        try:
            _knock(address)
            ray.init(
                address=address,
                runtime_env={"working_dir": str(book.root), "excludes": _EXCLUDED},
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise BookError(f"no Ray cluster answers at {address}: {' '.join(str(error).split())}") from None
        self._program = ray.remote(NodeProgram)
        self._nodes: dict[str, _Node] = {}
        self._looked, self._seen = 0.0, time.monotonic()

    def run(
        self, snippets: Sequence[Snippet], jobs: int, started: Callable[[Snippet], None] = lambda _: None
    ) -> Iterator[Run]:
        """Run the snippets and yield each result as it comes in; `jobs` is this machine's, not the nodes'.

        Raises BookError when the cluster has had no node for a minute.
        """
        waiting = [each for each in snippets if not each.alone]
        waiting += [each for each in snippets if each.alone]
        attempts = dict.fromkeys((snippet.shown for snippet in snippets), 0)
        while waiting or any(node.running for node in self._nodes.values()):
            self._look_for_nodes()
            for node in self._nodes.values():
                for snippet in [each for each in waiting if node.takes(each)]:
                    if node.takes(snippet):  # those before it may have filled the node
                        waiting.remove(snippet)
                        attempts[snippet.shown] += 1
                        started(snippet)
                        node.running[node.actor.run.remote(snippet.shown)] = snippet
            for snippet, outcome in self._outcomes():
                if "lost" not in outcome:
                    yield _run(snippet, outcome)
                elif attempts[snippet.shown] < ATTEMPTS:
                    waiting.insert(0, snippet)
                else:
                    reason = f"ended {ATTEMPTS} nodes that ran it, the last with: {outcome['lost']}"
                    yield Run(snippet, fault=Fault(1, reason))
            self.tick()

    def close(self) -> None:
        """Leave the cluster; its actors end."""
        ray.shutdown()

    def _look_for_nodes(self) -> None:
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked = now
            for found in ray.nodes():
                identity, cpus = found["NodeID"], int(found["Resources"].get("CPU", 0))
                if found["Alive"] and cpus and identity not in self._nodes:
                    self._nodes[identity] = self._join(identity, min(cpus, self.jobs or cpus))
        if self._nodes:
            self._seen = now
        elif now - self._seen > PATIENCE_SECONDS:
            raise BookError(f"no node of the cluster at {self.address} is left")

    def _join(self, identity: str, jobs: int) -> _Node:
        here = NodeAffinitySchedulingStrategy(node_id=identity, soft=False)
        actor = self._program.options(
            num_cpus=jobs, max_concurrency=jobs + 1, scheduling_strategy=here
        ).remote(self.weights, jobs)
        return _Node(identity, jobs, actor)

    def _outcomes(self) -> Iterator[tuple[Snippet, dict[str, Any]]]:
        """What came back; a node that answers no more is dropped, and its snippets come back as lost."""
        pending = {reference: node for node in self._nodes.values() for reference in node.running}
        if not pending:
            time.sleep(0.05)
            return
        ready, _ = ray.wait(list(pending), num_returns=len(pending), timeout=0.05)
        for reference in ready:
            node = pending[reference]
            snippet = node.running.pop(reference)
            try:
                outcome = ray.get(reference)
            except ray.exceptions.RayError as error:
                self._nodes.pop(node.identity, None)
                outcome = {"lost": " ".join(str(error).split())}
            yield snippet, outcome


def _knock(address: str) -> None:
    """Raise OSError if nothing listens there: Ray would try for minutes, and log each try."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=5).close()


def _run(snippet: Snippet, outcome: dict[str, Any]) -> Run:
    run = Run(snippet, log=outcome["log"], seconds=outcome["seconds"], peak_mb=outcome["peak_mb"])
    if "fault" in outcome:
        run.fault = Fault(**outcome["fault"])
    else:
        run.notebook = outcome["notebook"]
        cells = (cell for cell in run.notebook["cells"] if cell["cell_type"] == "code")
        run.outputs = [cell["outputs"] for cell in cells]
    return run
