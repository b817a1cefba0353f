"""One process, two, and two of which one is killed: the same losses, step by step.

Needs: pip install torch transformers accelerate pandas psutil, and the book's products.csv
and train_on_many.py
"""

# %% say how a training is launched
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import torch

data = Path("snippets/data/products.csv")
script = Path("snippets/builders_lens/train_on_many.py")
for path in (data, script):
    if not path.exists():
        raise SystemExit(
            f"{path} is missing: download it from the book's page and put it there"
        )
ours = ["--model", "sentence-transformers/all-MiniLM-L6-v2", "--data", str(data)]
too_few = torch.cuda.device_count() < 2  # then processors do it, and gloo carries the sums
environment = os.environ | ({"ACCELERATE_USE_CPU": "true"} if too_few else {})


def command(processes: int, folder: str) -> list[str]:
    threads = max(1, (os.cpu_count() or 1) // processes)
    many = ["--multi_gpu"] if processes > 1 else []  # “--cpu” would start one and no more
    given = [f"--num_processes={processes}", f"--num_cpu_threads_per_process={threads}"]
    given += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    given += ["--main_process_port=0", str(script), *ours, "--folder", folder]
    return [sys.executable, "-m", "accelerate.commands.launch", *many, *given]


# %% launch it and sometimes kill a worker tags=["measured"]
def train(processes: int, folder: str, kill_after: str = "never") -> list[str]:
    """Lines that it printed. Raises CalledProcessError if it ended before its time."""
    pipe = {"stdout": subprocess.PIPE, "text": True, "env": environment}
    lines = []
    with subprocess.Popen(command(processes, folder), **pipe) as launched:
        for line in launched.stdout:
            lines.append(line.strip())
            if line.startswith(kill_after):
                psutil.Process(launched.pid).children(recursive=True)[
                    -1
                ].kill()  # no goodbye
    if launched.returncode:
        raise subprocess.CalledProcessError(launched.returncode, folder)
    return lines


with tempfile.TemporaryDirectory() as kept:
    folders = {name: f"{kept}/{name}" for name in ("one", "two", "killed")}
    print("one process  :", train(1, folders["one"])[-1])
    print("two processes:", train(2, folders["two"])[-1])
    try:
        train(2, folders["killed"], kill_after="step  7")
        raise AssertionError("it outlived its worker")
    except subprocess.CalledProcessError as error:
        left = sorted(path.name for path in Path(folders["killed"]).glob("step-*"))
        print(f"one of two killed: exit status {error.returncode}, and on disk {left}")
    again = train(2, folders["killed"])
    print("started again:", again[0], "and", again[-1])
    results = [json.loads(Path(f"{f}/result.json").read_text()) for f in folders.values()]

# %% compare the losses tags=["measured"]
one, two, killed = (result["losses"] for result in results)
print("step  one process  two processes  killed and resumed")
for step, losses in enumerate(zip(one, two, killed, strict=True), start=1):
    print(f"{step:4}{losses[0]:13.6f}{losses[1]:15.6f}{losses[2]:20.6f}")
apart = max(abs(a - b) for a, b in zip(one, two))
late = max(abs(a - b) for a, b in zip(two, killed))
print(f"largest difference: one and two {apart:.0e}, two and resumed {late:.0e}")
assert apart < 1e-4, "two processes learn something else than one"
assert late < 1e-6, "a resumed run is not the run that was killed"
