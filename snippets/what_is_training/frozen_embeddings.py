"""Transfer learning, the plainest way: embeddings from a frozen model, logistic regression.

Needs: pip install sentence-transformers pandas scikit-learn, and the book's reviews.csv
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
print(f"{len(train):,} reviews to learn from, {len(test):,} to be judged by")
print(f"{len(set(train['product']) & set(test['product']))} products in both")

# %% turn each review into a vector
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")
x_train, x_test = model.encode(train.text.tolist()), model.encode(test.text.tolist())

# %% fit a logistic regression on the vectors
from sklearn.linear_model import LogisticRegression

head = LogisticRegression(C=3, max_iter=1000).fit(x_train, train.label)
frozen = sum(p.numel() for p in model.parameters())
print(f"{head.coef_.size + 1} trained parameters on top of {frozen:,} frozen ones")

# %% score it on products that it never saw
right = pd.Series(head.predict(x_test) == test.label.values, index=test.index)
print(f"accuracy {right.mean():.3f}\n")
print(right.groupby(test.kind).agg(accuracy="mean", reviews="size").round(2).to_string())
