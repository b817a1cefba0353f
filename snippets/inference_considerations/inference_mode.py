"""Forget torch.inference_mode, and every answer drags its graph along: time and memory.

Needs: pip install torch transformers psutil matplotlib
"""

# %% load a model
import torch
from transformers import AutoModel

model = AutoModel.from_pretrained("sentence-transformers/all-MiniLM-L6-v2").eval()
torch.manual_seed(0)
ids = torch.randint(1000, 30000, (4, 32))  # four texts of 32 tokens

# %% count what the graph keeps
from contextlib import nullcontext

MODES = {
    "forgotten": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
}
weights = {p.untyped_storage().data_ptr() for p in model.parameters()}


def kept_bytes(mode) -> int:
    """What one call leaves behind for a backward pass that will never come."""
    kept = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), mode():
        answer = model(ids)  # held, so that its graph stays
    del answer
    return sum(kept.values())


for name, mode in MODES.items():
    print(f"{name:15} {kept_bytes(mode) / 1e6:6.1f} MB kept for one batch")

# %% time it tags=["measured"]
import statistics
import time

seconds = {name: [] for name in MODES}
for _ in range(30):  # in turns, so that a busy moment hits all three
    for name, mode in MODES.items():
        begun = time.perf_counter()
        with mode():
            model(ids)
        seconds[name].append(time.perf_counter() - begun)
for name, each in seconds.items():
    print(f"{name:15} {statistics.median(each) * 1000:6.1f} ms a batch")

# %% keep the answers in a list tags=["measured"]
import gc

import psutil

process = psutil.Process()
grown = {}
for name in ("inference_mode", "forgotten"):
    gc.collect()
    before, answers, grown[name] = process.memory_info().rss, [], []
    for _ in range(25):
        with MODES[name]():
            answers.append(model(ids).last_hidden_state[:, 0])
        grown[name].append((process.memory_info().rss - before) / 1e6)
    print(f"{name:15} {grown[name][-1]:6.0f} MB more after {len(answers)} batches")
    del answers

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

alt = "Memory against batches answered: it climbs without inference_mode, with it it stays"
_, axes = plt.subplots(label=alt)
for (name, each), color in zip(grown.items(), ["#2a5db0", "#d9531e"]):
    axes.plot(range(1, len(each) + 1), each, color=color, label=name)
axes.set(xlabel="batches answered, and kept in a list", ylabel="MB more than before")
axes.legend()
plt.show()
