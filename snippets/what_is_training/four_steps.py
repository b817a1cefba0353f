"""Training in four steps, in plain PyTorch: listings in, categories out, loss going down.

Needs: pip install torch pandas matplotlib, and the book's products.csv
"""

# %% feed input and output examples
from pathlib import Path

import pandas as pd
import torch

path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
listings = pd.read_csv(path)
listings["words"] = (listings.title + " " + listings.text).str.lower().str.findall(r"\w+")
learn, held_back = (listings[listings.split == part] for part in ("train", "test"))
names = sorted(learn.category.unique())
number = {word: i for i, word in enumerate(sorted(set(learn.words.explode())))}


def examples(rows: pd.DataFrame):
    """Input: one row a listing, 1 where it has the word. Output: the category's number."""
    inputs = torch.zeros(len(rows), len(number))
    for row, words in enumerate(rows.words):
        inputs[row, [number[word] for word in words if word in number]] = 1
    return inputs, torch.tensor([names.index(category) for category in rows.category])


(x, y), (x_test, y_test) = examples(learn), examples(held_back)
print(f"in:  {learn.title.iloc[0]}\nout: {names[y[0]]}")
print(f"{len(y):,} such pairs, {len(number):,} different words")

# %% initialize random weights
torch.manual_seed(0)
layers = [
    torch.nn.Linear(len(number), 64),
    torch.nn.ReLU(),
    torch.nn.Linear(64, len(names)),
]
model = torch.nn.Sequential(*layers)
weights = sum(p.numel() for p in model.parameters())
first = model(x[:1]).softmax(1).max().item()
print(f"{weights:,} random weights; the best guess for the first pair has {first:.0%}")

# %% optimize via a loss function
loss_of = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
print(f"loss {loss_of(model(x), y).item():.2f} before the first step")

# %% use backpropagation to update the network
curve, honest = [], []
for _ in range(100):
    loss = loss_of(model(x), y)
    optimizer.zero_grad()
    loss.backward()  # how much is each weight to blame?
    optimizer.step()  # move each one against its blame
    curve.append(loss.item())
    with torch.inference_mode():
        honest.append(loss_of(model(x_test), y_test).item())
print(f"loss {curve[-1]:.2f} on what it learnt from, {honest[-1]:.2f} on what it never saw")

# %% draw both losses
import matplotlib.pyplot as plt

alt = (
    "Line chart: the loss on the training listings falls towards 0, the loss on listings "
    "held back falls at first and then turns up again"
)
figure, axes = plt.subplots(figsize=(6.4, 3.2), label=alt)
axes.plot(curve, color="#d9531e", label="listings that it learns from")
axes.plot(honest, color="#1f6f78", label="listings held back")
axes.set(xlabel="training step", ylabel="loss", ylim=(0, None))
axes.legend()
plt.show()
