"""What a second node gains, and what the cluster costs a snippet: `make benchmark-cluster`.

Both nodes are started on this machine, with one CPU each, so a gain beyond the machine's own cores
can't be seen here; what can be is whether two nodes share the work, and how much the way there adds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from toolkit.record import machine

COUNT = 40
WORK = """# %% work
import time

import numpy

begun = time.process_time()
while time.process_time() - begun < {seconds}:
    numpy.sort(numpy.random.default_rng(0).random(10_000))
print({index})
"""


def record(root: Path, *arguments: str) -> float:
    """Seconds to record every snippet of the book anew."""
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "toolkit", "record", "--all", *arguments],
        env={**os.environ, "BOOK_ROOT": str(root)},
        check=True,
        capture_output=True,
    )
    return time.monotonic() - begun


def book(root: Path, count: int, seconds: float) -> Path:
    (root / "docs").mkdir(parents=True)
    (root / "snippets" / "page").mkdir(parents=True)
    (root / "requirements.txt").write_text("numpy==2.4.6\n")
    for index in range(count):
        text = WORK.format(seconds=seconds, index=index)
        (root / "snippets" / "page" / f"s{index}.py").write_text(text)
    return root


def on(cluster: Any, nodes: int, root: Path) -> float:
    added = [cluster.add_node(num_cpus=1, object_store_memory=100_000_000) for _ in range(nodes)]
    try:
        return record(root, "--ray", cluster.address)
    finally:
        for node in added:
            cluster.remove_node(node)


def main() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    print(machine())
    print("seconds of work  snippets  this machine, 1 job  1 node  2 nodes  1 / 2  added a snippet")
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (0.0, 0.2, 1.0):
            root = book(Path(folder) / str(seconds), COUNT, seconds)
            empty = book(Path(folder) / f"{seconds}-one", 1, seconds)
            here = record(root, "--jobs", "1")
            one, two = on(cluster, 1, root), on(cluster, 2, root)
            # What joining the cluster takes falls on the whole run, not on each snippet.
            joining = on(cluster, 1, empty) - record(empty, "--jobs", "1")
            added = (one - here - joining) / (COUNT - 1)
            print(
                f"{seconds:15.1f}  {COUNT:8}  {here:17.1f} s  {one:4.1f} s  {two:5.1f} s"
                f"  {one / two:5.2f}  {added * 1000:12.0f} ms"
            )
    cluster.shutdown()


if __name__ == "__main__":
    main()
