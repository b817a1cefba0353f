"""Energy of a thousand answers on this machine, beside published figures.

Needs: pip install torch transformers pandas matplotlib, and the book's energy.csv.
Linux on Intel or AMD measures where you may read /sys/class/powercap; others estimate.
"""

# %% read the meter or estimate
import time
from pathlib import Path

path = Path("docs/data/energy.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
METERS = Path("/sys/class/powercap")
# Of any processor: Lannelongue et al. 2021, doi 10.1002/advs.202100707, and
# github.com/GreenAlgorithms/green-algorithms-tool, data/latest/TDP_cpu.csv, row "Any"
WATTS_PER_CORE = 12.0


def read_meters() -> dict[Path, int]:
    """Microjoules that each processor has drawn so far; empty where none may be read."""
    found = {}
    for meter in sorted(METERS.glob("intel-rapl:?")):
        try:
            found[meter] = int((meter / "energy_uj").read_text())
        except OSError:  # since 2020 most kernels let only root read it
            return {}
    return found


def joules(task) -> tuple[float, str]:
    """What a call of `task` draws, and how that is known: measured or estimated."""
    before, cpu = read_meters(), time.process_time()
    task()
    cpu, after = time.process_time() - cpu, read_meters()
    if not before or before.keys() != after.keys():
        return cpu * WATTS_PER_CORE, "estimated"
    drawn = 0
    for meter, start in before.items():
        turns = int((meter / "max_energy_range_uj").read_text())  # where it starts anew
        drawn += (after[meter] - start) % turns
    return drawn / 1e6, "measured"


# %% load two models
from transformers import pipeline

sentiment = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
classify = pipeline("text-classification", model=sentiment, device="cpu")
write = pipeline("text-generation", model="openai-community/gpt2", device="cpu")
reviews = [f"It worked for {n} days, then the hinge broke." for n in range(100)]
ten = {"max_new_tokens": 10, "min_new_tokens": 10, "do_sample": False}
tasks = {
    "classify, one by one": lambda: [classify(review) for review in reviews],
    "classify, batches of 50": lambda: classify(reviews, batch_size=50),
    "generate 10 tokens": lambda: [write("Return a list of", **ten) for _ in reviews],
}

# %% answer and count tags=["measured"]
here = {}
for name, task in tasks.items():
    task()  # warm up
    drawn, how = joules(task)
    here[name] = drawn / len(reviews) * 1000 / 3.6e6  # a kWh is 3.6 million joules
    print(f"{name:24} {here[name]:.6f} kWh for 1,000")
print("measured at the processor" if how == "measured" else "estimated from CPU seconds")

# %% draw it beside what was published tags=["measured"]
import matplotlib.pyplot as plt
import pandas as pd

published = pd.read_csv(path)
alt = "Bars on a log scale: image generation draws most, small models on this machine least"
_, axes = plt.subplots(figsize=(6.8, 4), label=alt)
axes.barh(published.task, published.kwh_per_1000, color="#888888", label="published")
axes.barh(list(here), list(here.values()), color="#2a5db0", label=f"here, {how}")
axes.set(xscale="log", xlabel="kWh for 1,000 answers")
axes.legend()
plt.show()
