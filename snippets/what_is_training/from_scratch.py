"""From scratch: a small transformer, its own tokenizer, random weights, no help at all.

Needs: pip install torch transformers tokenizers pandas, and the book's products.csv
"""

# %% read the listings
from pathlib import Path

import pandas as pd

path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
listings = pd.read_csv(path)
listings["text"] = listings.title + ". " + listings.text
train, test = (listings[listings.split == part] for part in ("train", "test"))
names = sorted(train.category.unique())

# %% learn a vocabulary
from tokenizers import BertWordPieceTokenizer

tokenizer = BertWordPieceTokenizer(lowercase=True)
tokenizer.train_from_iterator(train.text, vocab_size=2000, show_progress=False)
tokenizer.enable_truncation(64)
tokenizer.enable_padding()
print(tokenizer.encode("Stainless garlic press").tokens)

# %% start from random weights
import torch
from transformers import BertConfig, BertForSequenceClassification

torch.manual_seed(0)
config = BertConfig(
    vocab_size=2000,
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=256,
    max_position_embeddings=64,
    num_labels=len(names),
)
model = BertForSequenceClassification(config)
print(f"{model.num_parameters():,} random weights, all of them will learn")


def batches(rows: pd.DataFrame, order: torch.Tensor):
    for chosen in order.split(32):
        part = rows.iloc[chosen.tolist()]
        encoded = tokenizer.encode_batch(part.text.tolist())
        yield {
            "input_ids": torch.tensor([text.ids for text in encoded]),
            "attention_mask": torch.tensor([text.attention_mask for text in encoded]),
            "labels": torch.tensor([names.index(category) for category in part.category]),
        }


# %% train in a bare loop tags=["measured"]
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(10):
    total = 0.0
    for batch in batches(train, torch.randperm(len(train))):
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item() * len(batch["labels"])
    print(f"epoch {epoch + 1:2}: loss {total / len(train):.2f}")

# %% score it on listings that it never saw tags=["measured"]
model.eval()
with torch.inference_mode():
    right = [
        (model(**batch).logits.argmax(1) == batch["labels"]).float().sum()
        for batch in batches(test, torch.arange(len(test)))
    ]
print(f"accuracy {sum(right) / len(test):.2f}")
