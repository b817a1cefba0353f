"""How long until each family gives its first answer, and how long for the next one.

Needs: pip install torch transformers diffusers sentence-transformers pillow
"""

# %% name the families and ask each one question
import numpy as np
from PIL import Image, ImageDraw

picture = Image.new("RGB", (128, 128), "white")
ImageDraw.Draw(picture).ellipse((30, 30, 98, 98), fill="red")
sound = np.zeros(16000, "float32")  # a second of silence
labels = ["a red circle", "a blue square"]
hello = [{"role": "user", "content": "hello"}]
families = {
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english": (
        "text-classification",
        ["The battery died after two days."],
        {},
    ),
    "openai-community/gpt2": ("text-generation", ["Return the"], {"max_new_tokens": 16}),
    "HuggingFaceTB/SmolLM2-135M-Instruct": (
        "text-generation",
        [hello],
        {"max_new_tokens": 16},
    ),
    "openai/clip-vit-base-patch32": (
        "zero-shot-image-classification",
        [picture],
        {"candidate_labels": labels},
    ),
    "Salesforce/blip-image-captioning-base": (
        "image-text-to-text",
        [],
        {"images": picture, "text": "", "max_new_tokens": 16},
    ),
    "openai/whisper-tiny.en": ("automatic-speech-recognition", [sound], {}),
    "facebook/mms-tts-eng": ("text-to-speech", ["hello"], {}),
}

# %% from nothing loaded to the first answer tags=["measured"]
import time

from diffusers import DDIMPipeline
from transformers import pipeline


def clock(begun: float) -> str:
    return f"{time.perf_counter() - begun:.2f} s"


print(f"{'model':60} first   next")
for name, (task, question, options) in families.items():
    begun = time.perf_counter()
    model = pipeline(task, model=name)
    model(*question, **options)
    first, again = clock(begun), time.perf_counter()
    model(*question, **options)
    print(f"{name:60} {first}  {clock(again)}")
begun = time.perf_counter()
paint = DDIMPipeline.from_pretrained("google/ddpm-cifar10-32")
paint(num_inference_steps=50)
first, again = clock(begun), time.perf_counter()
paint(num_inference_steps=50)
print(f"{'google/ddpm-cifar10-32':60} {first}  {clock(again)}")
