"""Transfer learning: a frozen model turns each listing into a vector, a small head learns.

Needs: pip install sentence-transformers scikit-learn pandas, and the book's products.csv
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

# %% extract features with a frozen model tags=["measured"]
import time

from sentence_transformers import SentenceTransformer

encoder = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2", device="cpu")
begun = time.perf_counter()
features = encoder.encode(train.text.tolist(), batch_size=64)
print(f"{time.perf_counter() - begun:.1f} s to read {len(train):,} listings, once")

# %% train a head on the features tags=["measured"]
from sklearn.linear_model import LogisticRegression

begun = time.perf_counter()
head = LogisticRegression(C=10, max_iter=1000).fit(features, train.category)
print(f"{time.perf_counter() - begun:.1f} s to fit {head.coef_.size:,} weights")

# %% score it on listings that it never saw
answers = head.predict(encoder.encode(test.text.tolist(), batch_size=64))
right = pd.Series(answers == test.category, test.index)
print(f"accuracy {right.mean():.2f}\n")
print(right.groupby(test.kind).agg(["mean", "size"]).round(2).to_string())

# %% look at the mix-ups
wrong = test[~right].assign(answer=answers[~right])
pairs = wrong.groupby(["category", "answer"]).size().nlargest(4)
print(pairs.rename("times").reset_index().to_string(index=False))
