"""Ask a model what it was never made for: how sure it is, and two ways to notice in time.

Needs: pip install torch transformers sentence-transformers scikit-learn pandas matplotlib,
and the book's reviews.csv, products.csv and strange.csv
"""

# %% gather what it knows and what it does not
from pathlib import Path

import numpy as np
import pandas as pd

learnt_from = Path("snippets/data/reviews.csv")
others = [Path("snippets/data/products.csv"), Path("snippets/data/strange.csv")]
for path in (learnt_from, *others):
    if not path.exists():
        raise SystemExit(
            f"{path} is missing: download it from the book's page and put it there"
        )
reviews, products, strange = (
    pd.read_csv(file, keep_default_na=False) for file in (learnt_from, *others)
)
known = reviews[reviews.split == "train"].sample(1500, random_state=0).text.tolist()
fresh = reviews[reviews.split == "test"]  # of products that it never saw
held_back = fresh["product"].isin(sorted(fresh["product"].unique())[::2])
groups = {"held back": fresh[held_back].sample(300, random_state=0).text.tolist()}
groups["reviews"] = fresh[~held_back].sample(300, random_state=0).text.tolist()
groups["product listings"] = products.text.sample(100, random_state=0).tolist()
groups |= {kind: rows.text.tolist() for kind, rows in strange.groupby("kind", sort=False)}

# %% take two signals
from sentence_transformers import SentenceTransformer
from transformers import pipeline

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
classify = pipeline("text-classification", model=name, truncation=True, batch_size=32)
encoder = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2", device="cpu")
unit = {"normalize_embeddings": True, "batch_size": 32}
space = encoder.encode(known, **unit)
doubt, distance, labels = {}, {}, {}
for group, texts in groups.items():
    answers = classify(texts)
    labels[group] = [answer["label"] for answer in answers]
    doubt[group] = np.array([1 - answer["score"] for answer in answers])
    # Cosine distance to the five nearest reviews of those that it learnt from.
    near = np.sort(encoder.encode(texts, **unit) @ space.T)[:, -5:]
    distance[group] = 1 - near.mean(1)

# %% see how sure it is
print(f"{'':20} median  over 95 %  POSITIVE")
for group in list(groups)[1:]:
    sure = 1 - doubt[group]
    positive = np.mean([label == "POSITIVE" for label in labels[group]])
    print(f"{group:20}{np.median(sure):7.1%}{np.mean(sure > 0.95):11.0%}{positive:10.0%}")

# %% set an alarm on reviews alone and count
from sklearn.metrics import roc_auc_score

signals = {"doubt": doubt, "distance": distance}
limits = {name: np.quantile(found["held back"], 0.95) for name, found in signals.items()}
print("alarm over", {name: round(float(limit), 2) for name, limit in limits.items()})
print(f"{'':20}{'AUROC':>17}{'alarms':>18}")
print(f"{'':20}" + "   doubt distance" * 2)
for group in list(groups)[1:]:
    line = f"{group:20}"
    for found in signals.values():
        truth = [0] * len(found["reviews"]) + [1] * len(found[group])
        area = roc_auc_score(truth, np.concatenate([found["reviews"], found[group]]))
        line += f"{area:8.2f} "
    for name, found in signals.items():
        line += f"{np.mean(found[group] > limits[name]):8.0%} "
    print(line.rstrip())

# %% draw both signals
import matplotlib.pyplot as plt

alt = "Two strip charts by kind of text: doubt overlaps, distance sets most kinds apart"
figure, axes = plt.subplots(1, 2, figsize=(7, 3.6), sharey=True, label=alt)
for axis, (name, found) in zip(axes, signals.items()):
    for row, group in enumerate(list(groups)[1:]):
        values = found[group][:60]
        color = "#1f6f78" if group == "reviews" else "#d9531e"
        axis.scatter(values, [row] * len(values), s=60, marker="|", color=color, alpha=0.5)
    axis.axvline(limits[name], color="#888888", linestyle="--")
    axis.set(xlabel=name)
axes[0].set_yticks(range(len(groups) - 1), list(groups)[1:])
axes[0].invert_yaxis()
plt.show()
