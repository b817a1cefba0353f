"""Each way in which a snippet can go wrong: one clear line, and nothing else is harmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SmallBook

# One worker: each would look for the processes that the other's snippets leave behind.
pytestmark = pytest.mark.xdist_group("faults")

FAULTS = {
    "raises": (
        """
        # %% divide
        def half(n):
            return n / 0

        half(3)
        """,
        "raises.py:3: ZeroDivisionError: division by zero",
    ),
    "hangs": (
        """
        # %% wait timeout=2
        x = 1
        while x:
            pass
        """,
        "hangs.py:3: still ran at its time limit of 2 s",
    ),
    "sleeps": (
        """
        # %% wait timeout=2
        import time
        time.sleep(1000)
        """,
        "sleeps.py:3: still ran at its time limit of 2 s",
    ),
    "killed": (
        """
        # %% die
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        "killed.py:3: was killed by SIGKILL (out of memory?)",
    ),
    "crashes": (
        """
        # %% crash
        import ctypes
        ctypes.string_at(0)
        """,
        "crashes.py:3: was killed by SIGSEGV",
    ),
    "prints": (
        """
        # %% print
        for _ in range(1000):
            print("x" * 50_000)
        """,
        "prints.py:3: printed more than 1,000,000 characters",
    ),
    "prints_native": (
        """
        # %% print
        import os
        os.system("head -c 50000000 /dev/zero")
        """,
        "prints_native.py:3: printed more than 1,000,000 characters",
    ),
    "writes": (
        """
        # %% write
        open("/var/tmp/outside.txt", "w")
        """,
        "writes.py:2: wrote outside its sandbox folder: /var/tmp/outside.txt",
    ),
    "writes_into_the_book": (
        """
        # %% write
        from pathlib import Path
        Path("snippets/data/new.csv").write_text("a,b")
        """,
        "writes_into_the_book.py:3: wrote outside its sandbox folder: ",
    ),
    "removes": (
        """
        # %% remove
        import os
        os.remove("snippets/page/raises.py")
        """,
        "removes.py:3: wrote outside its sandbox folder: ",
    ),
    "moves": (
        """
        # %% move
        import shutil
        shutil.move("snippets/page/raises.py", "mine.py")
        """,
        "moves.py:3: wrote outside its sandbox folder: ",
    ),
    "changes_the_mode": (
        """
        # %% change
        import os
        os.chmod("snippets/page/raises.py", 0o600)
        """,
        "changes_the_mode.py:3: wrote outside its sandbox folder: ",
    ),
    "removes_a_tree": (
        """
        # %% remove
        import shutil
        shutil.rmtree("snippets/data")
        """,
        "removes_a_tree.py:3: wrote outside its sandbox folder: ",
    ),
    "forks": (
        """
        # %% fork
        import os, sys
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        raise OSError("the parent goes on")
        """,
        "forks.py:6: OSError: the parent goes on",
    ),
    "cannot_be_shown": (
        """
        # %% show
        class Odd:
            def __repr__(self):
                return 1 / 0
        Odd()
        """,
        "cannot_be_shown.py:4: ZeroDivisionError: division by zero",
    ),
    "surrogate": (
        """
        # %% print
        print("\\udcff")
        """,
        "surrogate.py:2: UnicodeEncodeError: ",
    ),
    "exits": (
        """
        # %% leave
        import sys
        sys.exit(0)
        """,
        "exits.py:3: called sys.exit(0)",
    ),
    "vanishes": (
        """
        # %% leave
        import os
        os._exit(3)
        """,
        "vanishes.py:3: ended its process with status 3",
    ),
    "threads": (
        """
        # %% start
        import threading, time
        threading.Thread(target=time.sleep, args=(1000,), name="forgotten").start()
        """,
        "threads.py:3: thread `forgotten` still runs after the last cell; join it",
    ),
    "thread_fails": (
        """
        # %% start
        import threading
        def work():
            raise ValueError("in here")
        t = threading.Thread(target=work)
        t.start(); t.join()
        """,
        "thread_fails.py:4: ValueError in a thread: in here",
    ),
    "expected": (
        """
        # %% fine tags=["raises-exception"]
        x = 1
        """,
        "expected.py:2: was expected to raise, and did not",
    ),
    "syntax": (
        """
        # %% typo
        x = (1
        """,
        "syntax.py:2: '(' was never closed",
    ),
    "leaves_processes": (
        """
        # %% start
        import subprocess
        subprocess.Popen(["sleep", "987"], start_new_session=True)
        subprocess.Popen(["sleep", "987"])
        subprocess.Popen(["sh", "-c", "sleep 987 & sleep 987; true"], start_new_session=True)
        subprocess.Popen(["sleep", "987"], start_new_session=True, env={})
        raise SystemError("and then this")
        """,
        "leaves_processes.py:7: SystemError: and then this",
    ),
}


def running() -> list[str]:
    """Command lines of processes that snippets of these tests would leave behind."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if command.startswith("sleep 987"):
            found.append(command)
    return found


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory):
    """One recording of every faulty snippet and of two good ones, with a record from before."""
    root = tmp_path_factory.mktemp("broken")
    (root / "snippets" / "data").mkdir(parents=True)
    (root / "docs").mkdir()
    small = SmallBook(root)
    good = "# %% greet\nprint('hello')\n"
    small.snippet("good", good)
    small.snippet("raises", good)
    first = small.toolkit("record")
    assert first.returncode == 0, first.stderr
    old = small.record("raises").read_bytes()
    small.snippet("also_good", good)
    for name, (text, _) in FAULTS.items():
        small.snippet(name, text)
    return small, old, small.toolkit("record", "--jobs", "4")


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_one_line_with_file_and_line(broken, name: str) -> None:
    _, _, result = broken
    lines = [line for line in result.stderr.splitlines() if line.startswith(f"snippets/page/{name}.py")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("snippets/page/" + FAULTS[name][1])


def test_the_rest_is_unharmed(broken) -> None:
    small, old, result = broken
    assert result.returncode == 1
    assert small.record("good").exists() and small.record("also_good").exists()
    assert small.record("raises").read_bytes() == old, "a failing snippet keeps its last record"
    written = {file.name for file in (small.root / "docs").rglob("*") if file.is_file()}
    assert written == {"good.ipynb", "also_good.ipynb", "raises.ipynb"}
    assert not list((small.root / ".cache" / "sandboxes").iterdir())
    assert not list((small.root / ".cache" / "staging").iterdir())
    assert not Path("/var/tmp/outside.txt").exists()
    assert not (small.root / "snippets" / "data" / "new.csv").exists()
    assert running() == []
    check = small.toolkit("record", "--check")
    assert check.returncode == 1
    assert len(check.stdout.splitlines()) == len(FAULTS)


def test_a_native_write_outside_fails(small: SmallBook) -> None:
    """Python's audit hook does not see `touch`; the kernel does, where it has Landlock."""
    from toolkit.observe import landlock_version

    if landlock_version() < 1:
        pytest.skip("this kernel has no Landlock")
    small.snippet(
        "native",
        """
        # %% touch
        import subprocess
        subprocess.run(["touch", "/var/tmp/outside-native.txt"], check=True)
        """,
    )
    result = small.toolkit("record")
    assert result.returncode == 1
    assert "snippets/page/native.py:3: CalledProcessError" in result.stderr
    assert not Path("/var/tmp/outside-native.txt").exists()


def test_interrupted_recording_leaves_nothing_behind(small: SmallBook) -> None:
    import os
    import signal
    import subprocess
    import sys
    import time

    small.snippet("slow", "# %% wait\nimport subprocess\nsubprocess.run(['sleep', '986'])\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "record"],
        env={**os.environ, "BOOK_ROOT": str(small.root)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    sandboxes = small.root / ".cache" / "sandboxes"
    while time.monotonic() < deadline and not (sandboxes.exists() and list(sandboxes.iterdir())):
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) != 0
    assert not list(sandboxes.iterdir())
    assert not small.record("slow").exists()
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if _command(p).startswith("sleep 986")]
    assert left == []


def _command(file: Path) -> str:
    try:
        return file.read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
