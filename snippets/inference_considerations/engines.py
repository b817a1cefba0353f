"""One model, three engines: PyTorch as it is, torch.compile, ONNX Runtime; one thread, two.

Needs: pip install torch transformers onnx onnxscript onnxruntime matplotlib, and for
torch.compile a C++ compiler (g++, clang, or MSVC)
"""

# %% load a model and export it
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import AutoModel, AutoTokenizer

name = "sentence-transformers/all-MiniLM-L6-v2"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModel.from_pretrained(name).eval()
text = "It worked for a week, then the hinge broke and nobody answered."
batch = dict(tokenizer([text] * 8, return_tensors="pt"))
sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
shapes = dict.fromkeys(batch, sizes)  # so that the graph takes any batch, any length
program = torch.onnx.export(model, kwargs=batch, dynamic_shapes=shapes, verbose=False)
scratch = TemporaryDirectory(ignore_cleanup_errors=True)  # gone when Python ends
exported = Path(scratch.name, "minilm.onnx")
program.save(exported)

# %% make the engines tags=["measured"]
import shutil
import time

import onnxruntime

options = {"cpp.dynamic_threads": True, "compile_threads": 1}  # one program for any threads
compiled = torch.compile(model, options=options)


@torch.inference_mode()
def answer(run=model) -> torch.Tensor:
    return run(**batch).last_hidden_state


def onnx_runtime(threads: int):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(exported, options)
    given = {i.name: batch[i.name].numpy() for i in session.get_inputs()}
    return lambda: torch.from_numpy(session.run(None, given)[0])


engines = {"eager": lambda threads: answer, "ONNX Runtime": onnx_runtime}
if any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
    begun = time.perf_counter()
    answer(compiled)
    print(f"torch.compile: {time.perf_counter() - begun:.0f} s until its first answer")
    engines["torch.compile"] = lambda threads: lambda: answer(compiled)
else:
    print("torch.compile is left out: this machine has no C++ compiler")

# %% time them tags=["measured"]
import statistics

measured = {name: [] for name in engines}
for threads in (1, 2):
    torch.set_num_threads(threads)
    for name, make in engines.items():
        run, seconds = make(threads), []
        assert torch.allclose(run(), answer(), atol=1e-3), f"{name} answers otherwise"
        for _ in range(20):
            begun = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begun)
        measured[name].append(statistics.median(seconds) * 1000)
print("ms for 8 texts    1 thread   2 threads")
for name, (one, two) in measured.items():
    print(f"{name:15} {one:10.1f} {two:11.1f}")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

alt = "Bars: milliseconds for eight texts, for each engine on one thread and on two"
_, axes = plt.subplots(figsize=(6.4, 3), label=alt)
for place, color in enumerate(["#888888", "#2a5db0"]):
    places = [row + 0.4 * (place - 0.5) for row in range(len(measured))]
    times = [both[place] for both in measured.values()]
    axes.barh(places, times, 0.38, color=color, label=["one thread", "two"][place])
axes.set_yticks(range(len(measured)), list(measured))
axes.set_xlabel("ms for 8 texts, less is better")
axes.legend()
plt.show()
