"""Six ways to one classifier: what each costs, and how far few labels and many take it.

Needs: pip install torch transformers peft sentence-transformers scikit-learn pandas \
  matplotlib, and the book's products.csv
Your own data: python compare.py --data my.csv, with the columns text and category
"""

# %% read the listings
import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, default=Path("snippets/data/products.csv"))
parser.add_argument("--labels", type=int, nargs="+", default=[4, 16, 64])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--picture", type=Path, help="also save the learning curves here")
options = parser.parse_args([] if "ipykernel" in sys.modules else None)


def check(fine: bool, reason: str) -> None:
    if not fine:
        raise SystemExit(f"{options.data} {reason}")


check(
    options.data.exists(), "is missing: download it from the book's page and put it there"
)
try:
    rows = pd.read_csv(options.data, dtype=str, keep_default_na=False)
except ValueError:  # no columns, no text, or not the same columns in each line
    rows = pd.DataFrame()
check(len(rows) > 0, "is empty, or no CSV file: it needs a line of column names and rows")
lacking = [name for name in ("text", "category") if name not in rows]
check(
    not lacking, f"has no column `{'` and no `'.join(lacking)}`: it needs text and category"
)
if "title" in rows:
    rows["text"] = rows.title + ". " + rows.text
if "split" not in rows:  # hold back a quarter of each category
    place = rows.sample(frac=1, random_state=0).groupby("category").cumcount()
    rows["split"] = np.where(place.sort_index() % 4 == 3, "test", "train")
train, test = (rows[rows.split == part] for part in ("train", "test"))
known = train.category.value_counts()
check(len(known) > 1, "has one category only: a classifier needs two or more")
check(min(options.seeds, *options.labels) > 0, "needs --labels and --seeds from 1 up")
few = f"has {known.min()} rows of `{known.idxmin()}` to learn from"
check(known.min() >= max(options.labels), f"{few}, fewer than --labels asks for")
check(len(test) > 0, "has no rows to test on")
alien = sorted(set(test.category) - set(known.index))
check(not alien, f"tests on `{'` and `'.join(alien)}` and has no row of it to learn from")

# %% write one loop for every network
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

BASE = "sentence-transformers/all-MiniLM-L6-v2"
names = sorted(known.index)
test = test.loc[test.text.str.len().sort_values().index]  # alike in length: little padding
words = AutoTokenizer.from_pretrained(BASE, model_max_length=32)
encoder = SentenceTransformer(BASE, device="cpu")
form = {"padding": True, "truncation": True, "return_tensors": "pt"}
unseen = encoder.encode(test.text.tolist(), batch_size=64)


def size(model, learns: bool = False) -> int:
    """Weights that multiply; those of the embeddings are only looked up."""
    parts = [p for name, p in model.named_parameters() if "embeddings" not in name]
    return sum(p.numel() for p in parts if p.requires_grad or not learns)


def fit(model, words, texts, targets, rate, steps):
    learning = [p for p in model.parameters() if p.requires_grad]
    lengths, batches, tokens = torch.tensor([len(text) for text in texts]), [], 0
    while len(batches) < steps:
        order = (lengths * (0.8 + 0.4 * torch.rand(len(texts)))).argsort().split(16)
        batches += [order[i] for i in torch.randperm(len(order))]
    optimizer = torch.optim.AdamW(learning, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.1)
    model.train()
    for batch in batches[:steps]:
        inputs = words([texts[i] for i in batch], **form)
        model(**inputs, labels=torch.tensor(targets)[batch]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        tokens += inputs["input_ids"].numel()

    @torch.inference_mode()
    def predict():
        model.eval()
        parts = [test.text[i : i + 64].tolist() for i in range(0, len(test), 64)]
        return torch.cat([model(**words(part, **form)).logits.argmax(1) for part in parts])

    # 2 FLOP a weight and token forward, 2 to pass blame back, 2 more where a weight learns.
    flop = tokens * (4 * size(model) + 2 * size(model, learns=True))
    return predict, sum(p.numel() for p in learning), flop


# %% name six ways
from peft import LoraConfig, get_peft_model
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def zero_shot(texts, targets):
    meanings = encoder.encode(names)
    return lambda: (unseen @ meanings.T).argmax(1), 0, 0


def count_words(texts, targets):
    line = LogisticRegression(C=30, max_iter=1000)
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), line).fit(texts, targets)
    return lambda: model.predict(test.text), line.coef_.size, 0


def frozen_head(texts, targets):
    head = LogisticRegression(C=10, max_iter=1000)
    head.fit(encoder.encode(texts, batch_size=64), targets)
    tokens = sum(len(ids) for ids in words(texts, truncation=True)["input_ids"])
    return lambda: head.predict(unseen), head.coef_.size, 2 * tokens * size(encoder)


def from_scratch(texts, targets):
    own = words.train_new_from_iterator(texts, 2000, show_progress=False)
    width = {"hidden_size": 256, "intermediate_size": 512, "vocab_size": 2000}
    depth = {"num_hidden_layers": 1, "num_attention_heads": 4, "num_labels": len(names)}
    config = AutoConfig.for_model("bert", **width, **depth)
    model = AutoModelForSequenceClassification.from_config(config)
    return fit(model, own, texts, targets, 5e-4, int(10 * len(texts) ** 0.5))


def fine_tune(texts, targets, rate=3e-4, wrap=lambda model: model):
    still = {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    model = AutoModelForSequenceClassification.from_pretrained(
        BASE, num_labels=len(names), **still
    )
    return fit(wrap(model), words, texts, targets, rate, int(2.2 * len(texts) ** 0.5))


def lora(texts, targets):
    config = LoraConfig(task_type="SEQ_CLS", r=8, target_modules=["query", "value"])
    return fine_tune(texts, targets, 3e-3, lambda model: get_peft_model(model, config))


ways = {
    "zero-shot": zero_shot,
    "TF-IDF baseline": count_words,
    "from scratch": from_scratch,
    "head on frozen MiniLM": frozen_head,
    "fine-tuning with LoRA": lora,
    "fine-tuning all weights": fine_tune,
}

# %% run them all tags=["measured"] timeout=2400
import time

from tqdm.auto import tqdm

truth = np.array([names.index(category) for category in test.category])
counts = sorted({*options.labels, int(known.max())})
runs = [(n, s, way) for n in counts for s in range(options.seeds) for way in ways]
found = []
for count, seed, way in tqdm(runs):
    chosen = train.sample(frac=1, random_state=seed).groupby("category").head(count)
    targets = [names.index(category) for category in chosen.category]
    torch.manual_seed(seed)
    begun = time.perf_counter()
    predict, trained, flop = ways[way](chosen.text.tolist(), targets)
    seconds = time.perf_counter() - begun
    right = (np.asarray(predict()) == truth).mean()
    found.append([way, count, right, trained, seconds, flop / 1e12, trained * 4 / 1e6])
columns = ["way", "labels", "accuracy", "trained", "seconds", "TFLOP", "MB saved"]
found = pd.DataFrame(found, columns=columns)
accuracy = found.groupby(["way", "labels"], sort=False).accuracy.agg(["mean", "min", "max"])
print(accuracy["mean"].unstack(sort=False).round(2).to_string())

# %% add up the price tags=["measured"]
full = found[found.labels == counts[-1]].groupby("way", sort=False).mean(numeric_only=True)
full["trained"] = full.trained.map("{:,.0f}".format)
print(full.drop(columns=["labels", "accuracy"]).round(2).to_string())
print(
    f"\n{counts[-1]} labels a class; all runs together {found.seconds.sum() / 60:.1f} min"
)

# %% draw the learning curves
import matplotlib.pyplot as plt

best = accuracy["mean"].unstack().idxmax()
leaders = ", ".join(f"{way} at {count}" for count, way in best.items())
alt = f"Line chart of accuracy against labels a class for six ways; the best: {leaders}"
figure, axes = plt.subplots(figsize=(6.8, 4.4), label=alt)
colors = ["#888888", "#b8860b", "#d9531e", "#1f6f78", "#7a4fa3", "#2a5db0"]
for way, color in zip(ways, colors):
    curve = accuracy.loc[way]
    axes.plot(curve.index, curve["mean"], marker="o", color=color, label=way)
    axes.fill_between(curve.index, curve["min"], curve["max"], color=color, alpha=0.15)
axes.set(xscale="log", xlabel="labels a class", ylabel="accuracy", ylim=(0, 1))
axes.set_xticks(counts, counts)
axes.minorticks_off()
axes.legend(ncols=2)
if options.picture:
    figure.savefig(options.picture)
plt.show()
