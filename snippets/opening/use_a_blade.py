"""Use a blade that is already forged: a pretrained model labels a sentence in milliseconds.

Needs: pip install torch transformers
"""

# %% pick it up
from transformers import pipeline

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"

# %% wield it
classify = pipeline("text-classification", model=name)
texts = [
    "It was worth the wait.",
    "It broke in a week.",
    "No complaints at all.",
    "Never again.",
]
for text, answer in zip(texts, classify(texts)):
    print(answer["label"], text)

# %% time it tags=["measured"]
import time

begun = time.perf_counter()
for _ in range(20):
    classify("It was worth the wait.")
seconds = (time.perf_counter() - begun) / 20
print(f"{seconds * 1000:.0f} milliseconds a sentence, 0 seconds of training")
