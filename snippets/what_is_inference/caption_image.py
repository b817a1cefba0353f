"""Caption a picture with a model that someone else trained.

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

name = "Salesforce/blip-image-captioning-base"
describe = pipeline("image-text-to-text", model=name)

# %% caption a picture
random.seed(2)
pictures = [
    draw("small", "yellow", "star", "on the left"),  # or Image.open("mine.jpg")
    draw("large", "red", "heart", "in the middle"),
    draw("large", "blue", "triangle", "on the right"),
]
captions = []
for picture in pictures:
    answer = describe(picture, text="", max_new_tokens=20)  # no prompt: from the start
    captions.append(answer[0]["generated_text"])
    print(captions[-1])

# %% let it go on from your words
for prompt in ["a picture of", "a picture of a small"]:
    answer = describe(pictures[0], text=prompt, max_new_tokens=20)
    print(answer[0]["generated_text"])

# %% see the pictures and what it says of them
import textwrap

import matplotlib.pyplot as plt

alt = f"Three drawn pictures with their captions: {'; '.join(captions)}"
figure, row = plt.subplots(1, 3, figsize=(6.4, 2.6), label=alt)
for axes, picture, caption in zip(row, pictures, captions):
    axes.imshow(picture)
    axes.set_title(textwrap.fill(caption, 20), fontsize=10)
    axes.axis("off")
plt.show()
