"""Latency and throughput are two prices: MiniLM by batch size, by length, and with padding.

Needs: pip install torch transformers pandas matplotlib, and the book's reviews.csv
"""

# %% load an embedding model
from pathlib import Path

import pandas as pd
import torch
from transformers import AutoModel, AutoTokenizer

path = Path("snippets/data/reviews.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
name = "sentence-transformers/all-MiniLM-L6-v2"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModel.from_pretrained(name).eval()

# %% time batches and lengths tags=["measured"]
import time

import numpy as np


@torch.inference_mode()
def measure(batch: int, tokens: int, repeats: int = 20) -> tuple[float, float, float]:
    """Milliseconds at the 50th and at the 95th percentile, and texts a second."""
    ids = torch.randint(1000, 30000, (batch, tokens))
    seconds = []
    for _ in range(repeats + 2):  # two to warm up
        begun = time.perf_counter()
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
        seconds.append(time.perf_counter() - begun)
    p50, p95 = np.percentile(seconds[2:], [50, 95])
    return p50 * 1000, p95 * 1000, batch / p50


torch.manual_seed(0)
batches = {n: measure(n, tokens=32) for n in (1, 4, 16, 64)}
lengths = {n: measure(1, tokens=n) for n in (8, 32, 64, 128, 256)}
print("batch  tokens   p50 ms   p95 ms  texts/s")
rows = [(n, 32, *m) for n, m in batches.items()] + [(1, n, *m) for n, m in lengths.items()]
for batch, tokens, p50, p95, rate in rows:
    print(f"{batch:5} {tokens:7} {p50:8.1f} {p95:8.1f} {rate:8.0f}")

# %% draw the two prices tags=["measured"]
import matplotlib.pyplot as plt

alt = "Throughput flattens while latency climbs with the batch; longer texts are slower"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.4), label=alt)
p50, _, rates = np.array(list(batches.values())).T
left.plot(p50, rates, "o-", color="#2a5db0")
for batch, x, y in zip(batches, p50, rates):
    left.annotate(batch, (x, y), (4, -11), textcoords="offset points", fontsize=8)
left.set(xlabel="ms until a batch is back", ylabel="texts a second", ylim=0)
left.set_title("batch size beside each dot", fontsize=10)
right.plot(list(lengths), [m[0] for m in lengths.values()], "o-", color="#1f6f78")
right.plot(list(lengths), [m[1] for m in lengths.values()], "--", color="#d9531e")
right.set(xlabel="tokens in one text", ylabel="ms", ylim=0)
right.set_title("median, and the slowest twentieth", fontsize=10)
figure.tight_layout()
plt.show()

# %% pay for padding or sort tags=["measured"]
texts = pd.read_csv(path).text.sample(256, random_state=0).tolist()
needed = sum(map(len, tokenizer(texts)["input_ids"]))  # tokens, padding left out
for order, arranged in {"as they come": texts, "by length": sorted(texts, key=len)}.items():
    begun, computed = time.perf_counter(), 0
    for start in range(0, len(texts), 32):
        batch = tokenizer(arranged[start : start + 32], padding=True, return_tensors="pt")
        computed += batch["input_ids"].numel()
        with torch.inference_mode():
            model(**batch)
    seconds, padding = time.perf_counter() - begun, 1 - needed / computed
    print(f"{order:13} {computed:6,} tokens, {padding:3.0%} padding, {seconds:.2f} s")
