"""Forge a small blade from raw steel: random weights learn to read handwritten digits.

Needs: pip install torch scikit-learn matplotlib
"""

# %% feed input and output examples
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pixels, labels = load_digits(return_X_y=True)
parts = train_test_split(pixels.astype("float32") / 16, labels, random_state=0)
x, x_test, y, y_test = map(torch.tensor, parts)
print(f"{len(x):,} images to learn from, {len(x_test)} held back")

# %% initialize random weights
torch.manual_seed(0)
layers = [torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)]
model = torch.nn.Sequential(*layers)


def accuracy() -> float:
    with torch.inference_mode():
        return (model(x_test).argmax(1) == y_test).float().mean().item()


weights = sum(p.numel() for p in model.parameters())
print(f"{weights:,} random weights, accuracy {accuracy():.2f}")

# %% optimize via a loss function
loss_of = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
print(f"loss before training {loss_of(model(x), y).item():.2f}")
print(f"a blind guess gives  {torch.tensor(10.0).log():.2f}, the logarithm of ten")

# %% use backpropagation to update the network tags=["measured"]
import time

begun, losses = time.perf_counter(), []
for _ in range(200):
    loss = loss_of(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"{time.perf_counter() - begun:.2f} seconds of training")

# %% test what it learnt
print(f"accuracy {accuracy():.2f} on images it never saw")

# %% draw the loss
import matplotlib.pyplot as plt

alt = "Line chart: the loss falls from 2.3 to near 0 in 200 steps"
figure, axes = plt.subplots(figsize=(6.4, 3), label=alt)
axes.plot(losses, color="#d9531e", linewidth=2.5)
axes.set(xlabel="training step", ylabel="loss")
plt.show()
