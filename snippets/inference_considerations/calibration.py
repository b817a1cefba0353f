"""Calibration: how often a model is right when it says 90 %, and one number that mends it.

Needs: pip install torch transformers pandas matplotlib, and the book's reviews.csv
"""

# %% ask about reviews that it never saw
from pathlib import Path

import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

path = Path("snippets/data/reviews.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
reviews = pd.read_csv(path)
reviews = reviews[reviews.split == "test"]
reviews = reviews.loc[reviews.text.str.len().sort_values().index]  # little padding
name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()
form = {"padding": True, "truncation": True, "return_tensors": "pt"}
with torch.inference_mode():
    parts = [reviews.text[i : i + 64].tolist() for i in range(0, len(reviews), 64)]
    logits = torch.cat([model(**tokenizer(part, **form)).logits for part in parts])
labels = torch.tensor((reviews.label == "positive").values).long()
products = sorted(reviews["product"].unique())
fitting = torch.tensor(reviews["product"].isin(products[::2]).values)  # every other product
print(f"{fitting.sum()} reviews to fit on, {(~fitting).sum()} of other products to test on")

# %% find one temperature on the first half
tried = torch.linspace(0.5, 4, 351)
cross_entropy = torch.nn.functional.cross_entropy
losses = [cross_entropy(logits[fitting] / t, labels[fitting]) for t in tried]
temperature = tried[torch.stack(losses).argmin()]
print(f"divide the logits by {temperature:.2f}")


# %% compare what it says with how often it is right
def gaps(sure: torch.Tensor, right: torch.Tensor) -> list[tuple[float, float, int]]:
    """Mean probability, share of right answers and count, in ten bins from 0.5 to 1."""
    place = ((sure - 0.5) * 20).long().clamp(0, 9)
    bins = [place == i for i in range(10) if (place == i).any()]
    return [(sure[b].mean().item(), right[b].mean().item(), int(b.sum())) for b in bins]


def ece(sure: torch.Tensor, right: torch.Tensor) -> float:
    """Expected calibration error: the mean gap, a review a vote. Guo et al. 2017."""
    return sum(abs(p - share) * n for p, share, n in gaps(sure, right)) / len(sure)


torch.manual_seed(0)
found = {}
print("                    says  is right    ECE  by chance")
for title, divisor in {"as it comes": 1, "with temperature": temperature}.items():
    sure, answer = (logits[~fitting] / divisor).softmax(1).max(1)
    right = (answer == labels[~fitting]).float()
    found[title] = sure, right
    # A model without fault shows a gap too, since its bins hold few reviews.
    chance = sum(ece(sure, torch.bernoulli(sure)) for _ in range(200)) / 200
    means = f"{sure.mean():6.2f}{right.mean():10.2f}"
    print(f"{title:18}{means}{ece(sure, right):7.3f}{chance:11.3f}")

# %% look at each kind of review
sure, right = found["with temperature"]
tested = reviews.kind.values[(~fitting).numpy()]
kinds = pd.DataFrame({"kind": tested, "says": sure, "right": right})
grouped = kinds.groupby("kind").agg(says=("says", "mean"), is_right=("right", "mean"))
print(grouped.assign(reviews=kinds.kind.value_counts()).round(2).to_string())

# %% draw the reliability diagram
import matplotlib.pyplot as plt

alt = (
    "Two reliability diagrams: dots below the diagonal, and with a temperature closer to it"
)
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True, label=alt)
for axis, (title, pair), color in zip(axes, found.items(), ("#d9531e", "#1f6f78")):
    axis.plot([0.5, 1], [0.5, 1], color="#888888", linestyle="--")
    for p, share, n in gaps(*pair):
        reach = 1.96 * (p * (1 - p) / n) ** 0.5  # 95 % of faultless models lie within
        axis.plot([p, p], [p - reach, min(1, p + reach)], color="#88888888")
        axis.scatter(p, share, s=15 + n / 2, color=color, alpha=0.8)
    axis.set(title=title, xlabel="it says", xlim=(0.5, 1.02), ylim=(0.2, 1.05))
axes[0].lines[1].set_label("a faultless model")
axes[0].set(ylabel="it is right")
axes[0].legend(loc="lower right")
plt.show()
