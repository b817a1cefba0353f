"""Cold start: from launching the process to its first answer, and where the time goes.

Needs: pip install torch transformers matplotlib
"""

# %% write a program that looks at the clock
import time

# perf_counter counts from the same moment in every process of a machine.
PROGRAM = """
import sys, time
marks = [("start Python", time.perf_counter())]
import torch
marks.append(("import torch", time.perf_counter()))
# transformers imports its parts when they are first named; this one brings the rest along.
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel
marks.append(("import transformers", time.perf_counter()))
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
marks.append(("load the weights", time.perf_counter()))
for call in ("first answer", "second answer"):
    with torch.inference_mode():
        batch = tokenizer("It broke after two days.", return_tensors="pt")
        label = int(model(**batch).logits.argmax())
    marks.append((call, time.perf_counter()))
print(repr((model.config.id2label[label], marks)))
"""

# %% start it a few times tags=["measured"]
import ast
import statistics
import subprocess
import sys

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"


def start() -> tuple[str, dict[str, float]]:
    """The answer, and the seconds of each part, in order."""
    before = time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, name]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    label, marks = ast.literal_eval(printed.splitlines()[-1])
    parts = {}
    for part, mark in marks:
        parts[part], before = mark - before, mark
    return label, parts


start()  # once for the disk: what was read before comes from memory
runs = [start() for _ in range(3)]
parts = {part: statistics.median(run[1][part] for run in runs) for part in runs[0][1]}
second = parts.pop("second answer")
whole = sum(parts.values())
for part, seconds in parts.items():
    print(f"{part:20} {seconds * 1000:7.0f} ms  {seconds / whole:4.0%}")
print(f"{'to the first answer':20} {whole * 1000:7.0f} ms  {runs[0][0]}")
print(f"{'second answer':20} {second * 1000:7.0f} ms")

# %% draw where it goes tags=["measured"]
import matplotlib.pyplot as plt

alt = "One bar from launch to first answer: imports come first, answering is a sliver"
_, axes = plt.subplots(figsize=(7.2, 2.2), label=alt)
begun = 0.0
for (part, seconds), color in zip(
    parts.items(), ["#888888", "#d9531e", "#b8860b", "#2a5db0", "#1f6f78"]
):
    axes.barh(0, seconds, left=begun, color=color, label=part)
    begun += seconds
axes.set(xlabel="seconds since launch", yticks=[], ylim=(-0.6, 0.6))
axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
plt.show()
