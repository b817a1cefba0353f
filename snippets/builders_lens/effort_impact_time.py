"""Effort, impact and time: six ways placed by minutes, accuracy gained, price of an answer.

Needs: pip install torch transformers sentence-transformers scikit-learn pandas \
  matplotlib, the book's products.csv, and its record of compare.py
"""

# %% read what was measured
import json
import re
from pathlib import Path

path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
record = Path("docs/lab/what_is_training/compare.ipynb")
if not record.exists():
    raise SystemExit(f"{record} is missing: download compare.ipynb from its lab page")
cells = {
    cell["metadata"].get("title"): "".join(
        "".join(output.get("text", "")) for output in cell.get("outputs", [])
    )
    for cell in json.loads(record.read_text(encoding="utf-8"))["cells"]
}
NUMBER = re.compile(r"^(.+?)\s{2,}([\d.,\s]+)$", re.MULTILINE)


def read_rows(text: str) -> dict[str, list[float]]:
    """The numbers behind each name of a printed table."""
    rows = {}
    for name, numbers in NUMBER.findall(text):
        if name.strip() not in ("labels", "way"):
            rows[name.strip()] = [float(n.replace(",", "")) for n in numbers.split()]
    return rows


accuracy = read_rows(cells["run them all"])  # a column for each count of labels
price = read_rows(cells["add up the price"])  # trained, seconds, TFLOP, MB saved
labels = [int(n) for n in cells["run them all"].split("\n")[0].split()[1:]]

# %% time a thousand predictions of each tags=["measured"]
import time

import pandas as pd
import torch
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from transformers import AutoConfig, AutoModelForSequenceClassification

listings = pd.read_csv(path)
thousand = (listings.title + ". " + listings.text)[:1000].tolist()
encoder = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2", device="cpu")
line = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=200))
line.fit(thousand, listings.category[:1000])
width = {"hidden_size": 256, "intermediate_size": 512, "vocab_size": 2000}
depth = {"num_hidden_layers": 1, "num_attention_heads": 4, "num_labels": 10}
small = AutoModelForSequenceClassification.from_config(
    AutoConfig.for_model("bert", **width, **depth)
).eval()


@torch.inference_mode()
def run_small() -> None:
    for _ in range(0, 1000, 50):
        small(torch.randint(2000, (50, 32)))  # untrained: it takes as long


tasks = {
    "MiniLM": lambda: encoder.encode(thousand, batch_size=50),
    "from scratch": run_small,
    "TF-IDF baseline": lambda: line.predict(thousand),
}
answering = {}
for name, task in tasks.items():
    begun = time.perf_counter()
    task()
    answering[name] = time.perf_counter() - begun
    print(f"{name:16} {answering[name]:6.2f} s for 1,000 listings")

# %% place each way tags=["measured"]
SECONDS_A_LABEL = 5  # a guess: how long you look at one listing; change it
CLASSES, GUESS = 10, 0.1
places = {}
for way, scores in accuracy.items():
    counts = [0] if way == "zero-shot" else labels
    minutes = [n * CLASSES * SECONDS_A_LABEL / 60 for n in counts]
    minutes[-1] += price[way][1] / 60  # training on all labels
    gained = [score - GUESS for score in scores[: len(counts)]]
    places[way] = (minutes, gained, answering.get(way, answering["MiniLM"]))
    print(f"{way:24}{minutes[-1]:6.0f} min, +{gained[-1]:.2f}, {places[way][2]:.2f} s")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

top = max(places, key=lambda way: places[way][1][-1])
alt = f"Accuracy gained against minutes of work; {top} ends highest, zero-shot needs none"
figure, axes = plt.subplots(figsize=(6.8, 4.4), label=alt)
colors = ["#888888", "#b8860b", "#d9531e", "#1f6f78", "#7a4fa3", "#2a5db0"]
for (way, (minutes, gained, seconds)), color in zip(places.items(), colors):
    axes.plot(minutes, gained, color=color, linewidth=1)
    axes.scatter(minutes, gained, s=20 + 25 * seconds, color=color, label=way, alpha=0.8)
axes.set(
    xscale="symlog", xlabel="effort: minutes, most of them labelling", xlim=(-0.5, 400)
)
axes.set(ylabel="impact: accuracy above a blind guess")
axes.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
axes.legend(
    title="area: seconds\nfor 1,000 answers", loc="upper left", bbox_to_anchor=(1, 1)
)
plt.show()
