"""Classify a text with a model that someone else trained: one import, one line.

Needs: pip install torch transformers
"""

# %% load a model that someone else trained
from transformers import pipeline

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
classify = pipeline("text-classification", model=name)

# %% use it
reviews = [
    "The battery died after two days.",
    "Best headphones I have ever owned, and the case is lovely.",
    "Not a single complaint after a year of daily use.",
    "The plot makes no sense, and I was bored from start to finish.",
]
for review, answer in zip(reviews, classify(reviews)):
    print(f"{answer['label']:8}  {answer['score']:.2f}  {review}")

# %% time it tags=["measured"]
import time

seconds = []
for _ in range(50):
    begun = time.perf_counter()
    classify("The battery died after two days.")
    seconds.append(time.perf_counter() - begun)
median = sorted(seconds)[len(seconds) // 2]
print(f"one sentence, median of {len(seconds)}: {median * 1000:.0f} ms")
