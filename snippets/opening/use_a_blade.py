"""Use a blade that is already forged: a pretrained model labels a sentence in milliseconds.

Needs: pip install torch transformers
"""

# %% pick it up
from transformers import pipeline

classify = pipeline("text-classification", model="distilbert/distilbert-base-uncased-finetuned-sst-2-english")

# %% wield it
print(classify("I waited a year for this, and it was worth every day.")[0]["label"])

# %% time it tags=["measured"]
import time

begun = time.perf_counter()
for _ in range(20):
    classify("I waited a year for this, and it was worth every day.")
print(f"{(time.perf_counter() - begun) / 20 * 1000:.0f} milliseconds a sentence, 0 seconds of training")
