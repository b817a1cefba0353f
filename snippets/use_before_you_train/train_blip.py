"""Train a small BLIP from scratch: it looks at a picture and writes a caption.

Needs: pip install torch transformers pillow matplotlib tqdm
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


# %% keep some colours and shapes apart
random.seed(0)
things = [(s, c, o, p) for s in SIZES for c in COLOURS for o in SHAPES for p in PLACES]
unseen = set(zip(COLOURS, [*SHAPES, *SHAPES]))  # red circle, brown square, …
known = [thing for thing in things if thing[1:3] not in unseen]

# %% build a tokenizer and an empty BLIP
import torch
from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration
from transformers import BlipImageProcessorPil

torch.manual_seed(0)
texts = ["a picture of", *map(" ".join, things)]
words = BertTokenizer().train_new_from_iterator(texts, 200)
images = BlipImageProcessorPil(size={"height": 32, "width": 32})
tower = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3}
tower |= {"num_attention_heads": 4, "hidden_act": "relu", "initializer_range": 0.02}
text = {"vocab_size": len(words), "bos_token_id": 2, "sep_token_id": 3, **tower}
vision = {"image_size": 32, "patch_size": 8, **tower}
model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision))

# %% learn to say what a picture shows timeout=2400
from tqdm.auto import tqdm

losses = torch.zeros(steps := 1800)
optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1)
for step in tqdm(range(steps)):
    batch = random.choices(known, k=64)
    pixels = images([draw(*thing, side=64) for thing in batch], return_tensors="pt")
    start = random.choice(["a", "a", "a", "a picture of a"])  # a prompt now and then
    texts = [f"{start} {' '.join(thing)}" for thing in batch]
    ids = words(texts, return_tensors="pt").input_ids
    read = ids.masked_fill(torch.rand(ids.shape) < 0.5, 4)  # [MASK]: look, do not guess
    loss = model(**pixels, input_ids=read, labels=ids).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses[step] = loss.item()

# %% draw how it learnt
import matplotlib.pyplot as plt

plt.figure(figsize=(6.4, 2.8), label="Line chart: the loss falls to a floor")
plt.axes(xlabel="step / 20", ylabel="loss").plot(losses.view(-1, 20).mean(1))
plt.show()

# %% score its captions of new pictures
for new in (False, True):
    test = random.choices([t for t in things if (t[1:3] in unseen) == new], k=500)
    pixels = images([draw(*thing) for thing in test], return_tensors="pt")
    said = words.batch_decode(model.generate(**pixels), skip_special_tokens=True)
    right = sum(text == f"a {' '.join(thing)}" for text, thing in zip(said, test))
    print(f"pairs {'not ' * new}seen in training: {right / len(test):.2f} exact")

# %% save it
for part in (model, words, images):
    part.save_pretrained("trained/scene-blip")
