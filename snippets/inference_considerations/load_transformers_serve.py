"""Load `transformers serve` with more clients at once: one by one, and continuous batching.

Needs: pip install torch "transformers[serving]" httpx psutil numpy matplotlib
"""

# %% start the server as a process of its own
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

name = "HuggingFaceTB/SmolLM2-135M-Instruct"
program = [sys.executable, "-m", "transformers.cli.transformers", "serve", name]


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """The address of a server that lives as long as the block under `with`."""
    with socket.create_server(("127.0.0.1", 0)) as door:  # any free port
        port = door.getsockname()[1]
    command = [*program, "--host", "127.0.0.1", "--port", str(port), *options]
    # It logs every request.
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300  # the first time it downloads the model
        while True:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"it did not start; see why: {' '.join(command)}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        server.terminate()
        server.wait()


def end(*_: object) -> None:  # even a server that has no name yet ends with this program
    for child in psutil.Process().children():
        child.terminate()
    sys.exit(1)


signal.signal(signal.SIGTERM, end)

# %% be many clients at once
import asyncio

import httpx


async def load(url: str, bodies: list[dict], clients: int, seconds: float) -> tuple:
    """Each client asks, waits, and asks again: all replies, and the seconds they took."""
    replies = []  # (status, seconds, what came back)
    start = last = time.perf_counter()
    context = httpx.create_ssl_context()  # once for all, it is slow

    async def client(turn: int) -> None:
        nonlocal last
        # A connection pool of its own: one that all share takes longer than the model.
        async with httpx.AsyncClient(timeout=120, verify=context) as http:
            while (asked := time.perf_counter()) < start + seconds:
                reply = await http.post(url, json=bodies[turn % len(bodies)])
                last = time.perf_counter()
                replies.append((reply.status_code, last - asked, reply.json()))
                turn += 1
                if reply.status_code == 429:
                    await asyncio.sleep(float(reply.headers["Retry-After"]))

    await asyncio.gather(*map(client, range(clients)))
    return replies, last - start


# %% turn up the load tags=["measured"]
from concurrent.futures import ThreadPoolExecutor

import numpy as np

numbers = ["two", "three", "five", "six", "seven", "eight", "nine", "ten", "twelve"]
questions = [f"what is {one} times {other}" for one in numbers for other in numbers]
bodies = [
    {
        "model": name,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 24,
        "temperature": 0,
    }
    for question in questions
]
# Unless told otherwise its cache takes more than half of the memory that is free.
continuous = ["--continuous-batching", "--cb-block-size", "32", "--cb-num-blocks", "256"]
CROWDS = (1, 2, 4, 8, 16, 32, 64)
measured = {}
print("                      answers    tokens   milliseconds     not")
print("             clients  a second  a second    p50    p95  answered")
with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has a loop already
    for way, options in {"one by one": [], "continuous": continuous}.items():
        rows = measured[way] = []
        with serving(*options) as url:
            thread.submit(asyncio.run, load(url, bodies, 4, 0.5)).result()  # warm up
            for clients in CROWDS:
                job = thread.submit(asyncio.run, load(url, bodies, clients, 1.5))
                replies, seconds = job.result()
                good = [(took, reply) for status, took, reply in replies if status == 200]
                p50, p95 = np.percentile([took * 1000 for took, _ in good], [50, 95])
                tokens = sum(reply["usage"]["completion_tokens"] for _, reply in good)
                rows.append((len(good) / seconds, p50, p95))
                line = f"{way:12} {clients:7} {rows[-1][0]:9.0f} {tokens / seconds:9.0f}"
                print(f"{line} {p50:6.0f} {p95:6.0f} {len(replies) - len(good):9}")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

alt = (
    "Latency against answers a second of transformers serve, as clients are added: "
    "one by one, and with continuous batching"
)
figure, axes = plt.subplots(figsize=(6.8, 4.2), label=alt, subplot_kw={"yscale": "log"})
for (way, rows), color in zip(measured.items(), ("#d9531e", "#1f6f78")):
    answers, p50, p95 = zip(*rows)
    axes.plot(answers, p50, "o-", color=color, markersize=4, label=f"{way}, p50")
    axes.plot(answers, p95, "--", color=color, linewidth=1, label=f"{way}, p95")
    for clients, x, y in zip(CROWDS, answers, p50):
        axes.annotate(clients, (x, y), (4, -11), textcoords="offset points", color=color)
axes.set(xlabel="answers a second", ylabel="milliseconds until the answer", xlim=(0, None))
axes.yaxis.set_major_formatter("{x:g}")
axes.legend(title="beside the dots: clients", bbox_to_anchor=(1, 1), loc="upper left")
plt.show()
