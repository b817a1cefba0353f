"""What a loaded model holds in memory, and what each batch needs on top of that.

Needs: pip install torch transformers psutil matplotlib
"""

# %% write a program that looks at its own memory
# In a process of its own: what another has imported or freed would blur the picture.
PROGRAM = """
import sys, psutil
def held():  # MB now
    return psutil.Process().memory_info().rss / 1e6
def peak():  # MB, the most that this process ever held
    if sys.platform == "linux":  # getrusage would count the program that started this one
        status = open("/proc/self/status").read()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
marks = [("Python", held())]
import torch
marks.append(("torch", held()))
from transformers import AutoModel, PreTrainedModel  # the second brings the rest along
marks.append(("transformers", held()))
model = AutoModel.from_pretrained(sys.argv[1]).eval()
weights = sum(p.nbytes for p in model.parameters()) / 1e6
marks.append(("weights", held()))
for batch in map(int, sys.argv[2:]):  # the smallest first, so that each peak is its own
    ids = torch.randint(1000, 30000, (batch, 128))
    with torch.inference_mode():
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    marks.append((batch, peak()))
print(repr((weights, marks)))
"""

# %% run it tags=["measured", "untimed"]
import ast
import subprocess
import sys

name = "sentence-transformers/all-MiniLM-L6-v2"
batches = [1, 4, 16, 64]
command = [sys.executable, "-c", PROGRAM, name, *map(str, batches)]
printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
weights, marks = ast.literal_eval(printed.splitlines()[-1])
peaks = dict(marks)
print(f"weights by arithmetic: {weights:.0f} MB")
before, grown = 0.0, {}
for what, peak in marks:
    grown[what], before = peak - before, peak
    shown = f"batch of {what}" if what in batches else what
    print(f"{shown:14} {grown[what]:+8.0f} MB, in all {peak:6.0f} MB")

# %% draw it tags=["measured", "untimed"]
import matplotlib.pyplot as plt

alt = "Bars of peak memory: libraries and weights stay the same, activations grow by batch"
_, axes = plt.subplots(label=alt)
bars = [str(batch) for batch in batches]
bottom = 0.0
layers = {"Python": "#888888", "torch": "#d9531e", "transformers": "#b8860b"}
for what, color in {**layers, "weights": "#2a5db0"}.items():
    axes.bar(bars, grown[what], bottom=bottom, color=color, label=what)
    bottom += grown[what]
activations = [peaks[batch] - bottom for batch in batches]
axes.bar(bars, activations, bottom=bottom, color="#1f6f78", label="activations")
axes.set(xlabel="texts of 128 tokens in a batch", ylabel="MB, at the peak")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
