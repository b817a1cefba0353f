"""Prove that inference leaves a model as it was: a thousand predictions, the same fingerprint.

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
    return digest.hexdigest()


before = fingerprint()
print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
print("before      ", before[:16])

# %% predict a thousand times
texts = [f"Review number {i}: it {'works' if i % 2 else 'broke'} after {i} days." for i in range(1000)]
with torch.inference_mode():
    for start in range(0, 1000, 100):
        model(**tokenizer(texts[start : start + 100], padding=True, return_tensors="pt"))

after = fingerprint()
print("after 1,000 ", after[:16], "the same" if after == before else "not the same")

# %% train one step
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
batch = tokenizer(["It broke after one day."], return_tensors="pt")
loss = model(**batch, labels=torch.tensor([0])).loss
loss.backward()
optimizer.step()

trained = fingerprint()
print("after 1 step", trained[:16], "the same" if trained == before else "not the same")
changed = sum(int(p.grad.count_nonzero()) for p in model.parameters() if p.grad is not None)
print(f"{changed / sum(p.numel() for p in model.parameters()):.0%} of the parameters got a gradient")
