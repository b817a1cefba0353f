"""Train a small CLIP from scratch: pictures and captions learn to meet in one space.

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
forms = ["a {2}", "a {1} {2}", "a {0} {1} {2}", "a {1} {2} {3}", "a {0} {1} {2} {3}"]
forms += [f"{lead} photo of {form}." for lead in ("A", "This is a") for form in forms]

# %% build a tokenizer and an empty CLIP
import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

torch.manual_seed(0)
words = CLIPTokenizer().train_new_from_iterator([*forms, *map(" ".join, things)], 400)
images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32)
tower = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3}
tower |= {"num_attention_heads": 4, "hidden_act": "relu"}
text = {"vocab_size": len(words), "bos_token_id": 0, "eos_token_id": 1, **tower}
vision = {"image_size": 32, "patch_size": 8, **tower}
model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))

# %% pull each picture to its caption timeout=2400
from tqdm.auto import tqdm

losses = torch.zeros(steps := 1800)
optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1)
for step in tqdm(range(steps)):
    batch = random.choices(known, k=64)
    pixels = images([draw(*thing, side=64) for thing in batch], return_tensors="pt")
    texts = [random.choice(forms).format(*thing) for thing in batch]
    tokens = words(texts, padding=True, return_tensors="pt")
    loss = model(**tokens, **pixels, return_loss=True).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses[step] = loss.item()

# %% draw how it learnt
import matplotlib.pyplot as plt

plt.figure(figsize=(6.4, 2.8), label="Line chart: the contrastive loss falls to a floor")
plt.axes(xlabel="step / 20", ylabel="loss").plot(losses.view(-1, 20).mean(1))
plt.show()

# %% score it on new pictures by labels alone
labels = [f"a photo of a {colour} {shape}." for colour in COLOURS for shape in SHAPES]
tokens = words(labels, padding=True, return_tensors="pt")
for new in (False, True):
    test = random.choices([t for t in things if (t[1:3] in unseen) == new], k=500)
    pixels = images([draw(*thing) for thing in test], return_tensors="pt")
    best = model(**tokens, **pixels).logits_per_image.argmax(1)
    right = sum(" ".join(thing[1:3]) in labels[i] for i, thing in zip(best, test))
    print(f"pairs {'not ' * new}seen in training: {right / len(test):.2f} right")

# %% save it
for part in (model, words, images):
    part.save_pretrained("trained/scene-clip")
