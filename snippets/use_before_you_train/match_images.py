"""Match pictures with words: labels for a picture, and a picture for a sentence.

Needs: pip install torch transformers pillow matplotlib
"""

# %% draw a scene
import random

from matplotlib.font_manager import findfont
from PIL import Image, ImageColor, ImageDraw, ImageFont

COLOURS = ["red", "brown", "yellow", "green", "blue", "purple", "grey", "black"]
SHAPES = {"circle": "●", "square": "■", "triangle": "▲", "diamond": "◆", "star": "★"}
SHAPES |= {"heart": "♥", "cross": "✚"}  # characters of a font that Matplotlib brings
SIZES, FONT = {"small": 0.4, "large": 0.7}, findfont("DejaVu Sans")
PLACES = {"on the left": 0.3, "in the middle": 0.5, "on the right": 0.7}


def draw(size, colour, shape, place, side=224):
    paint = tuple(part + random.randint(-20, 20) for part in ImageColor.getrgb(colour))
    font = ImageFont.truetype(FONT, side * random.gauss(SIZES[size], 0.02))
    middle = [side * random.gauss(at, 0.03) for at in (PLACES[place], 0.5)]
    picture = Image.new("RGB", (side, side), tuple(random.choices(range(215, 256), k=3)))
    ImageDraw.Draw(picture).text(middle, SHAPES[shape], paint, font, anchor="mm")
    return picture


# %% load a model that someone else trained
from transformers import pipeline

name = "openai/clip-vit-base-patch32"
match = pipeline("zero-shot-image-classification", model=name)

# %% ask it what a picture shows
random.seed(2)
picture = draw("small", "blue", "star", "on the left")  # or Image.open("mine.jpg")
labels = [f"a {colour} {shape}" for colour in COLOURS for shape in SHAPES]
answers = match(picture, candidate_labels=labels)[:5]
for answer in answers:
    print(f"{answer['score']:.2f}  {answer['label']}")

# %% see the answer
import matplotlib.pyplot as plt

alt = f"A drawn picture and bars of its five likeliest labels: {answers[0]['label']} first"
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.4), label=alt, layout="tight")
left.imshow(picture)
left.axis("off")
for answer in answers[::-1]:
    right.barh(answer["label"], answer["score"], color="#1f6f78")
right.set(xlabel=f"probability among {len(labels)} labels", xlim=(0, 1))
plt.show()

# %% find the picture that a sentence means
import torch

scenes = ["small blue star", "large red circle", "small yellow heart", "large green cross"]
pictures = [draw(*scene.split(), "in the middle") for scene in scenes]
sentences = ["a cross", "a red circle", "a small blue star", "a photo of a yellow heart"]
tokens = match.tokenizer(sentences, padding=True, return_tensors="pt")
pixels = match.image_processor(pictures, return_tensors="pt")
with torch.inference_mode():
    fit = match.model(**tokens, **pixels).logits_per_text.softmax(1)  # over the pictures
for sentence, row in zip(sentences, fit):
    print(f"{sentence:26} picture {row.argmax() + 1}, {row.max():.2f}")

# %% see how well each sentence fits each picture
alt = "Heat map of four sentences against four pictures: how well each fits each"
figure, axes = plt.subplots(figsize=(5.4, 2.4), label=alt)
axes.pcolormesh(fit, cmap="Blues", vmin=0, vmax=1, edgecolors="white")
axes.set_yticks([0.5, 1.5, 2.5, 3.5], sentences)
axes.set(xticks=[], ylim=(4, 0))
for number, picture in enumerate(pictures):
    above = axes.inset_axes((number / 4, 1.02, 0.25, 0.6))
    above.imshow(picture)
    above.axis("off")
plt.show()
