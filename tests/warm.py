"""A Python that has imported the heavy packages and forks a child for each program that a test runs.

To import them takes longer than most of those programs; that a fresh process imports them too is what
`test_examples.py` shows.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

from toolkit import hub
from toolkit.book import Book
from toolkit.run import can_fork

ROOT = Path(__file__).parent.parent
_warm: subprocess.Popen[str] | None = None


def run(
    arguments: list[str], cwd: Path = ROOT, text: str = "", timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` with a Python on the embedded weights: `arguments` are a script's path or `-c` and
    code, with what follows; `text` is its standard input. A fresh one where a process can't be forked.
    """
    environment = {**os.environ, **hub.environment(Book(ROOT))}
    if not can_fork():
        command = [sys.executable, *arguments]
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    global _warm
    if _warm is None or _warm.poll() is not None:
        command = [sys.executable, "-m", "tests.warm"]
        _warm = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(_warm.kill)
    assert _warm.stdin is not None and _warm.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("input", "output", "errors")]
        files[0].write_text(text, encoding="utf-8")
        asked = {"arguments": arguments, "cwd": str(cwd), "files": [str(file) for file in files]}
        print(json.dumps(asked), file=_warm.stdin, flush=True)
        child = int(_warm.stdout.readline())
        late = threading.Timer(timeout, os.kill, [child, signal.SIGKILL])
        late.start()
        code = int(_warm.stdout.readline())
        in_time = late.is_alive()
        late.cancel()
        printed, errors = (file.read_text(encoding="utf-8") for file in files[1:])
    if not in_time:
        raise subprocess.TimeoutExpired(arguments, timeout, printed, errors)
    return subprocess.CompletedProcess(arguments, code, printed, errors)


def _serve() -> None:
    import matplotlib.pyplot  # noqa: F401
    import pandas  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import torch  # noqa: F401
    from transformers import AutoModel, AutoTokenizer, pipeline  # noqa: F401

    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_become(**json.loads(line)))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(arguments: list[str], cwd: str, files: list[str]) -> int:
    """Run the program here, as the interpreter would, but for the second that it takes to end itself."""
    os.chdir(cwd)
    for number, (file, flags) in enumerate(
        zip(files, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_APPEND] * 2), strict=True)
    ):
        os.dup2(os.open(file, flags), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv[:] = ["-c", *arguments[2:]] if arguments[0] == "-c" else arguments
    sys.path[0] = "" if arguments[0] == "-c" else str(Path(arguments[0]).resolve().parent)
    code: int | str | None = 0
    try:
        if arguments[0] == "-c":
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(arguments[1], "<string>", "exec"), main.__dict__)
        else:
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    atexit._run_exitfuncs()
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == "__main__":
    _serve()
