"""Prove that inference changes nothing: a thousand predictions, the same fingerprint.

Needs: pip install torch transformers
"""

# %% take the fingerprint of every weight
import hashlib

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()


def fingerprint() -> str:
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return digest.hexdigest()[:16]


before = fingerprint()
print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
print("before      ", before)

# %% predict a thousand times
texts = [f"It {'works' if i % 2 else 'broke'} after {i} days." for i in range(1000)]
with torch.inference_mode():
    for start in range(0, 1000, 100):
        batch = tokenizer(texts[start : start + 100], padding=True, return_tensors="pt")
        model(**batch)

after = fingerprint()
print("after 1,000 ", after, "the same" if after == before else "not the same")

# %% train one step
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
batch = tokenizer(["It broke after one day."], return_tensors="pt")
model(**batch, labels=torch.tensor([0])).loss.backward()
optimizer.step()

# The new fingerprint depends on how your processor rounds; that it is new does not.
print("after 1 step", "the same" if fingerprint() == before else "not the same")
