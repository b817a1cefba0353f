"""The baseline: count words, weigh them, fit a line. No network, no pretraining, no GPU.

Needs: pip install scikit-learn pandas, and the book's products.csv
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
print(f"{len(train):,} listings to learn from, {len(test)} held back")

# %% count words and fit a line
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

model = make_pipeline(
    TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=30, max_iter=1000)
)
model.fit(train.text, train.category)
counter, line = model
print(f"{len(counter.vocabulary_):,} words, {line.coef_.size:,} weights")

# %% score it on listings that it never saw
right = model.predict(test.text) == test.category
print(f"accuracy {right.mean():.2f}\n")
print(right.groupby(test.kind).agg(["mean", "size"]).round(2).to_string())

# %% read what it learnt
words = counter.get_feature_names_out()
for category, weights in zip(line.classes_, line.coef_):
    print(f"{category:18} {', '.join(words[i] for i in weights.argsort()[::-1][:5])}")
