"""Transfer learning, a step further: a frozen lower half, and a head of two layers on top.

Needs: pip install torch transformers pandas safetensors, and the book's reviews.csv
"""

# %% read the reviews
from pathlib import Path

import pandas as pd

path = Path("snippets/data/reviews.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
reviews = pd.read_csv(path)
train, test = reviews[reviews.split == "train"], reviews[reviews.split == "test"]

# %% freeze what others learnt
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

torch.manual_seed(0)
base = "sentence-transformers/all-MiniLM-L6-v2"
shape = {"num_hidden_layers": 5, "id2label": {0: "NEGATIVE", 1: "POSITIVE"}}
model = AutoModelForSequenceClassification.from_pretrained(base, **shape)
for part in [model.bert.embeddings, *model.bert.encoder.layer[:3]]:
    part.requires_grad_(False)
head = {name: p for name, p in model.named_parameters() if p.requires_grad}
learns = sum(p.numel() for p in head.values())
print(f"{learns:,} of {model.num_parameters():,} parameters will learn")

# %% cut the reviews into batches
tokenizer = AutoTokenizer.from_pretrained(base, model_max_length=128)
form = {"padding": True, "truncation": True, "return_tensors": "pt"}


def batches(rows: pd.DataFrame, size: int = 32):
    length = rows.text.str.len() * (1 + 0.3 * torch.rand(len(rows)).numpy())
    rows = rows.loc[length.sort_values().index]  # alike in length: little padding
    for i in torch.randperm(-(-len(rows) // size)).tolist():
        part = rows[i * size : (i + 1) * size]
        targets = torch.tensor((part.label == "positive").values).long()
        yield part.index, tokenizer(part.text.tolist(), **form), targets


# %% train the head on top timeout=1500
epochs, steps = 4, -(-len(train) // 32)
optimizer = torch.optim.AdamW(head.values(), weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, 3e-4, epochs * steps, pct_start=0.1
)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for _, texts, targets in batches(train):
        loss = model(**texts, labels=targets).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / steps:.2f}")

# %% score it on products that it never saw
model.eval()
with torch.inference_mode():
    right = pd.concat(
        pd.Series((model(**texts).logits.argmax(1) == targets).numpy(), index)
        for index, texts, targets in batches(test)
    )
print(f"accuracy {right.mean():.3f}\n")
print(right.groupby(test.kind).agg(accuracy="mean", reviews="size").round(2).to_string())

# %% save the head alone
from safetensors.torch import save_file

folder = Path("trained/sentiment-head")
model.config.save_pretrained(folder)
save_file(
    {name: p.detach().half() for name, p in head.items()}, folder / "head.safetensors"
)
print(f"{learns * 2 / 1e6:.1f} MB in 16 bit")
