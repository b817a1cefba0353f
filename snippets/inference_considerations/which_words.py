"""Which words moved the label: leave one out, ask again, and see how far the answer goes.

Needs: pip install torch transformers pandas matplotlib, and the book's reviews.csv
"""

# %% leave out one word at a time
from pathlib import Path

import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

path = Path("snippets/data/reviews.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()


@torch.inference_mode()
def odds(texts: list[str]) -> torch.Tensor:
    """Logarithm of the odds for POSITIVE: above 0 it says so, below 0 it says NEGATIVE."""
    found = []
    for i in range(0, len(texts), 64):
        inputs = tokenizer(texts[i : i + 64], padding=True, return_tensors="pt")
        logits = model(**inputs).logits
        found.append(logits[:, 1] - logits[:, 0])
    return torch.cat(found)


def without(words: list[str], *places: int) -> str:
    return " ".join(word for i, word in enumerate(words) if i not in places)


def pushes(text: str) -> torch.Tensor:
    """How far each word pushes the answer: up towards POSITIVE, down towards NEGATIVE."""
    words = text.split()
    asked = odds([text, *(without(words, i) for i in range(len(words)))])
    return asked[0] - asked[1:]


# %% ask about four reviews
asked = [
    "Never failed me, not even in freezing weather.",
    "you won't want the trip to end.",
    "The zip sticks, the straps are thin, but the lining is gorgeous.",
    "Great sound, great fit, great price.",
]
moved = {text: pushes(text) for text in asked}
for text, push in moved.items():
    strong = [i for i in push.abs().argsort(descending=True) if push[i].abs() > 1][:2]
    most = ", ".join(f"{text.split()[i]} {push[i]:+.1f}" for i in strong)
    share = odds([text]).sigmoid().item()
    print(f"{text}\n  {share:.0%} positive; {most or 'no word alone moves it'}")

# %% draw the words
import matplotlib.pyplot as plt

alt = "Reviews with each word shaded and a bar below it: up for positive, down for negative"
figure, axes = plt.subplots(figsize=(7, 4.4), label=alt)
for row, (text, push) in enumerate(moved.items()):
    place = 0.0
    for word, force in zip(text.split(), (push / 4).clamp(-1, 1).tolist()):
        color = "#1f6f78" if force > 0 else "#d9531e"
        shade = {"facecolor": color, "alpha": abs(force) / 2, "linewidth": 0, "pad": 2}
        axes.text(place, -row, word, family="monospace", fontsize=9, bbox=shade)
        axes.bar(place + len(word) / 2, force / 4, len(word), -row - 0.45, color=color)
        place += len(word) + 1
    axes.plot([0, place], [-row - 0.45] * 2, color="#888888", linewidth=0.5)
axes.set(xlim=(0, 66), ylim=(-3.9, 0.5), title="up: towards positive, down: negative")
axes.axis("off")
plt.show()

# %% see whether the picture is true
reviews = pd.read_csv(path)
some = reviews[reviews.split == "test"].sample(80, random_state=0).text.tolist()
before = odds(some) > 0
pushed = [pushes(text) * (1 if positive else -1) for text, positive in zip(some, before)]
dice = torch.Generator().manual_seed(0)
blind = [torch.rand(len(push), generator=dice) for push in pushed]
rows = {"words it leaned on": pushed, "random words": blind}
print(f"of {len(some)} labels change when so many words are left out:")
print(f"{'':20}{1:4}{2:4}{3:4}")
for title, scores in rows.items():
    changed = []
    for count in (1, 2, 3):
        places = [score.argsort(descending=True)[:count].tolist() for score in scores]
        left = [without(text.split(), *gone) for text, gone in zip(some, places)]
        changed.append(int(((odds(left) > 0) != before).sum()))
    print(f"{title:20}" + "".join(f"{n:4}" for n in changed))
