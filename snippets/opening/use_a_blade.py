"""Use a blade that is already forged: a pretrained model labels a sentence in milliseconds.

Needs: pip install torch transformers
"""

# %% pick it up
from transformers import pipeline

classify = pipeline("text-classification", model="distilbert/distilbert-base-uncased-finetuned-sst-2-english")

# %% wield it
for text in ["It was worth the wait.", "It broke in a week.", "No complaints at all.", "Never again."]:
    print(f"{classify(text)[0]['label']}  {text}")

# %% time it tags=["measured"]
import time

begun = time.perf_counter()
for _ in range(20):
    classify("It was worth the wait.")
print(f"{(time.perf_counter() - begun) / 20 * 1000:.0f} milliseconds a sentence, 0 seconds of training")
