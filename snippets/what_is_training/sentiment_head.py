"""Transfer learning, one step further: a frozen lower half, and a head of two layers that learns sentiment.

Needs: pip install torch transformers pandas safetensors, and the book's snippets/data/reviews.csv.
"""

# %% read the reviews
from pathlib import Path

import pandas as pd

path = Path("snippets/data/reviews.csv")
if not path.exists():
    raise SystemExit(f"{path} is missing: download it from the book's page and put it there")
reviews = pd.read_csv(path)
reviews["target"] = (reviews.label == "positive").astype(int)
train, test = reviews[reviews.split == "train"], reviews[reviews.split == "test"]

# %% freeze what others learnt timeout=1500
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

torch.manual_seed(0)
base = "sentence-transformers/all-MiniLM-L6-v2"
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForSequenceClassification.from_pretrained(
    base, num_hidden_layers=5, id2label={0: "NEGATIVE", 1: "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1}
)
frozen = [model.bert.embeddings, *model.bert.encoder.layer[:3]]
for part in frozen:
    part.requires_grad_(False)
head = {name: p for name, p in model.named_parameters() if p.requires_grad}
print(f"{sum(p.numel() for p in head.values()):,} of {model.num_parameters():,} parameters will learn")


# %% train the head on top
def batches(rows: pd.DataFrame, size: int = 32):
    rows = rows.assign(length=rows.text.str.len() // 40).sample(frac=1, random_state=torch.randint(10**6, ()).item())
    rows = rows.sort_values("length", kind="stable")  # alike in length, so that little is padding
    for start in torch.randperm(len(rows) // size + 1).tolist():
        if len(part := rows[start * size : (start + 1) * size]):
            texts = tokenizer(part.text.tolist(), padding=True, truncation=True, max_length=128, return_tensors="pt")
            yield part, texts, torch.tensor(part.target.values)


epochs, losses = 4, []
steps = epochs * (len(train) // 32 + 1)
optimizer = torch.optim.AdamW(head.values(), lr=3e-4, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-4, total_steps=steps, pct_start=0.1)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.05)
for epoch in range(epochs):
    model.train()
    for part in frozen:
        part.eval()  # no dropout in what does not learn
    for _, texts, targets in batches(train):
        loss = loss_of(model(**texts).logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    print(f"epoch {epoch + 1}: loss {sum(losses[-steps // epochs :]) / (steps // epochs):.2f}")

# %% score it on products that it never saw
model.eval()
right = pd.Series(dtype=float)
with torch.inference_mode():
    for part, texts, targets in batches(test, 64):
        right = pd.concat([right, pd.Series((model(**texts).logits.argmax(1) == targets).tolist(), part.index)])
print(f"accuracy {right.mean():.3f}\n")
print(right.groupby(test.kind).agg(accuracy="mean", reviews="size").round(2).to_string())

# %% save the head alone
from safetensors.torch import save_file

folder = Path("trained/sentiment-head")
folder.mkdir(parents=True, exist_ok=True)
model.config.save_pretrained(folder)
save_file({name: p.detach().half() for name, p in head.items()}, folder / "head.safetensors")
print(f"{(folder / 'head.safetensors').stat().st_size / 1e6:.1f} MB")
