"""`python -m toolkit record --ray`: the same records from a cluster, whatever happens to its nodes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.conftest import SmallBook

pytestmark = pytest.mark.xdist_group("cluster")
WORK = """
    # %% work
    import os
    import time

    print({name!r})

    # %% rest
    while os.path.exists({hold!r}):
        time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that runs nothing; each test adds the nodes that it wants, all on this machine."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": 100_000_000, "include_dashboard": False},
    )
    yield made
    made.shutdown()


def add(cluster: Any, cpus: int = 1) -> Any:
    return cluster.add_node(num_cpus=cpus, object_store_memory=100_000_000)


def record(small: SmallBook, cluster: Any, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "toolkit", "record", "--ray", cluster.address, *arguments],
        cwd=small.root,
        env={**os.environ, "BOOK_ROOT": str(small.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """What it said, once it has ended."""
    _, said = process.communicate(timeout=100)
    return said


def nodes_of(cluster: Any) -> dict[int, Any]:
    """Process id of each program that runs snippets -> the node that it belongs to."""
    found = {}
    for node in cluster.worker_nodes:
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        for process in raylet.children(recursive=True):
            if process.cmdline()[1:4] == ["-m", "toolkit", "node"]:
                found[process.pid] = node
    return found


def programs_of(cluster: Any, running: subprocess.Popen[str], least: int = 1) -> dict[int, Any]:
    """Those programs, once there are so many."""
    until = time.monotonic() + 60
    while len(found := nodes_of(cluster)) < least:
        assert time.monotonic() < until and running.poll() is None
        time.sleep(0.1)
    return found


def about(small: SmallBook, name: str) -> dict[str, Any]:
    """A record, without what differs from run to run."""
    notebook = json.loads(small.record(name).read_text())
    for key in ("digest", "seconds", "peak_mb"):
        del notebook["metadata"]["record"][key]
    return notebook


def test_two_nodes_make_the_records_of_one_machine(small: SmallBook, cluster: Any) -> None:
    for index in range(6):
        small.snippet(f"s{index}", WORK.format(name=f"s{index}", hold="/nowhere"))
    data = small.root / "snippets/data/words.txt"
    data.write_text("one two")
    small.snippet("reads", "# %% read\nprint(open('snippets/data/words.txt').read())\n")
    small.snippet("measured", '# %% time it tags=["measured"]\nprint(1.5)\n')
    small.snippet("fails", "# %% fail\n1 / 0\n")
    names = [*(f"s{index}" for index in range(6)), "reads", "measured"]
    assert small.toolkit("record").returncode == 1
    here = {name: about(small, name) for name in names}
    for name in names:
        small.record(name).unlink()
    nodes = [add(cluster), add(cluster)]
    try:
        running = record(small, cluster)
        said = finished(running)
    finally:
        for node in nodes:
            cluster.remove_node(node)
    assert running.returncode == 1
    assert "snippets/page/fails.py:2: ZeroDivisionError: division by zero" in said
    assert said.count("recorded ") == 8
    assert {name: about(small, name) for name in names} == here
    assert small.toolkit("record", "--check").stdout.strip() == "snippets/page/fails.py: has no record"


def test_a_node_that_dies_has_its_snippets_run_elsewhere(small: SmallBook, cluster: Any) -> None:
    hold = small.root / "hold"
    hold.touch()
    for index in range(4):
        small.snippet(f"s{index}", WORK.format(name=f"s{index}", hold=str(hold)))
    nodes = [add(cluster), add(cluster)]
    try:
        running = record(small, cluster)
        programs_of(cluster, running, 2)
        time.sleep(1)  # both hold a snippet
        lost = nodes.pop()
        cluster.remove_node(lost, allow_graceful=False)
        hold.unlink()
        said = finished(running)
    finally:
        for node in nodes:
            cluster.remove_node(node)
    assert running.returncode == 0, said
    assert said.count("recorded ") == 4
    assert all(small.record(f"s{index}").exists() for index in range(4))


def test_the_program_of_a_node_is_started_again(small: SmallBook, cluster: Any) -> None:
    hold = small.root / "hold"
    hold.touch()
    small.snippet("s", WORK.format(name="s", hold=str(hold)))
    small.snippet(
        "deadly", "# %% end its node\nimport os\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(60)\n"
    )
    node = add(cluster)
    try:
        running = record(small, cluster)
        found = programs_of(cluster, running)
        os.kill(next(iter(found)), signal.SIGKILL)
        hold.unlink()
        said = finished(running)
    finally:
        cluster.remove_node(node)
    assert running.returncode == 1
    assert "snippets/page/deadly.py:1: ended 3 nodes that ran it" in said
    assert small.record("s").exists()


def test_nothing_is_left_when_it_is_stopped(small: SmallBook, cluster: Any) -> None:
    hold = small.root / "hold"
    hold.touch()
    small.snippet("s", WORK.format(name="s", hold=str(hold)))
    node = add(cluster)
    try:
        running = record(small, cluster)
        found = programs_of(cluster, running)
        programs = [psutil.Process(pid) for pid in found]
        programs += [child for program in programs for child in program.children(recursive=True)]
        running.send_signal(signal.SIGINT)
        assert "stopped; records already written are kept" in finished(running)
        _, left = psutil.wait_procs(programs, timeout=30)
        assert not left
        assert not small.record("s").exists()
    finally:
        cluster.remove_node(node)


def test_no_cluster_is_one_sentence(small: SmallBook) -> None:
    small.snippet("s", "# %% a\nprint(1)\n")
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "nonsense", "a:b:c"):
        result = small.toolkit("record", "--ray", address)
        assert result.returncode == 1
        assert f"error: no Ray cluster answers at {address}" in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr
