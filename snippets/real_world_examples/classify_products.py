"""Use the product classifier: a small adapter on a frozen model, behind the usual pipeline.

Needs: pip install torch transformers peft, and the folder models/product-classifier
"""

# %% put the adapter on its base
from pathlib import Path

from peft import PeftModel
from transformers import AutoConfig, AutoModelForSequenceClassification, pipeline

adapter = "models/product-classifier"
if not Path(adapter).exists():
    raise SystemExit(f"{adapter} is missing: fine_tune_lora.py trains it; move it there")
base = "sentence-transformers/all-MiniLM-L6-v2"
model = AutoModelForSequenceClassification.from_pretrained(
    base, config=AutoConfig.from_pretrained(adapter)
)
model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
classify = pipeline("text-classification", model=model, tokenizer=base)

# %% classify listings that no seller has written yet
listings = [
    "Cast iron skillet 26 cm. Pre-seasoned, goes from hob to oven.",
    "Trail running vest, 5 litres. Two soft flasks, reflective seams.",
    "Squeaky rope chew, large. For teeth that destroy everything.",
    "Cordless impact driver 18V, body only. Brushless, belt clip, no battery.",
]
for listing, answer in zip(listings, classify(listings)):
    print(f"{answer['label']:18} {answer['score']:.2f}  {listing}")

# %% look at the runners-up where it is in doubt
listing = "Camping stove, folding. Boils a litre in four minutes, gas not included."
print(listing)
for answer in classify(listing, top_k=3):
    print(f"{answer['label']:18} {answer['score']:.2f}")
