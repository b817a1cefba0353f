"""Load a server with more and more clients at once, and see what batching does for it.

Needs: pip install torch transformers fastapi uvicorn httpx psutil numpy matplotlib,
and the book's serve_batched.py
"""

# %% start the server as a process of its own
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

program = Path("snippets/inference_considerations/serve_batched.py")
why = f"{program} is missing: download it from the book's page and put it there"
if not program.exists():
    raise SystemExit(why)


@contextmanager
def serving(largest: int) -> Iterator[str]:
    """The address of a server that lives as long as the block under `with`."""
    with socket.create_server(("127.0.0.1", 0)) as door:  # any free port
        port = door.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", f"{program.stem}:app", "--port", str(port)]
    command += ["--app-dir", str(program.parent), "--log-level", "warning"]
    server = subprocess.Popen(command, env={**os.environ, "LARGEST_BATCH": str(largest)})
    try:
        deadline = time.monotonic() + 300  # the first time it downloads the model
        while True:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the server did not start: it says why above")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/classify"
    finally:
        server.terminate()  # it answers what it accepted, then it ends
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

texts = [
    "A joy from start to finish.",
    "It broke on the first day, and nobody answered my letters.",
    "Worth every penny.",
    "The plot is thin, the cast is tired, and two hours feel like four. We left early.",
    "Fits well, looks good, and the colour is the one in the picture.",
]
bodies = [{"text": text} for text in texts]
CROWDS = {1: 1, 2: 1, 4: 1, 8: 1, 16: 1, 32: 1, 64: 1, 256: 4}  # clients: seconds
measured = {}
print("                      answers   milliseconds    texts    told to")
print("             clients  a second     p50    p95  a batch  come later")
with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has a loop already
    for way, largest in {"one by one": 1, "batches": 16}.items():
        rows = measured[way] = []
        with serving(largest) as url:
            thread.submit(asyncio.run, load(url, bodies, 4, 0.5)).result()  # warm up
            for clients, length in CROWDS.items():
                job = thread.submit(asyncio.run, load(url, bodies, clients, length))
                replies, seconds = job.result()
                good = [(took, reply) for status, took, reply in replies if status == 200]
                p50, p95 = np.percentile([took * 1000 for took, _ in good], [50, 95])
                passes = sum(1 / reply["batch"] for _, reply in good)
                rows.append((len(good) / seconds, p50, p95))
                late = sum(status == 429 for status, *_ in replies)
                line = f"{way:12} {clients:7} {rows[-1][0]:9.0f} {p50:7.0f} {p95:6.0f}"
                print(f"{line} {len(good) / passes:8.1f} {late:11}")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

alt = (
    "Latency against answers a second: one by one the curve turns straight up early, "
    "with batches it reaches further to the right first"
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
