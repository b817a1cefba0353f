"""Forgetting: a network that learns something new loses what it knew; ways to keep it.

Needs: pip install torch scikit-learn peft matplotlib
"""

# %% learn the digits 0 to 4 first
from copy import deepcopy

import torch
from peft import LoraConfig, get_peft_model
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pixels, digits = load_digits(return_X_y=True)
parts = train_test_split(pixels.astype("float32") / 16, digits, random_state=0)
x, x_test, y, y_test = map(torch.tensor, parts)
history = {}


def accuracy(model, wanted) -> float:
    with torch.inference_mode():
        return (model(x_test[wanted]).argmax(1) == y_test[wanted]).float().mean().item()


def train(model, name: str, x, y, steps: int = 300):
    optimizer, history[name] = torch.optim.Adam(model.parameters(), 0.003), []
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history[name].append(accuracy(model, y_test < 5))
    return model


torch.manual_seed(0)
layers = [torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)]
base = train(torch.nn.Sequential(*layers), "before", x[y < 5], y[y < 5])

# %% learn 5 to 9 in five ways
new = y > 4
tuned = train(deepcopy(base), "all weights, new data only", x[new], y[new])

kept = torch.cat([torch.where(y == digit)[0][:20] for digit in range(5)])
mixed = torch.cat([torch.where(new)[0], kept])
replay = train(deepcopy(base), "replay of 100 old images", x[mixed], y[mixed])

adapted = get_peft_model(deepcopy(base), LoraConfig(r=4, target_modules=["0", "2"]))
lora = train(adapted, "LoRA, switched on", x[new], y[new])

frozen = deepcopy(base).requires_grad_(False)
frozen[2] = torch.nn.Linear(64, 10)  # a second head; the first one stays with the base
head = train(frozen, "frozen base, second head", x[new], y[new])

# %% compare what is left with what was learnt
with lora.disable_adapter():
    switched_off = accuracy(lora, y_test < 5)
rows = {
    "before": (accuracy(base, y_test < 5), base),
    "all weights, new data only": (accuracy(tuned, y_test < 5), tuned),
    "replay of 100 old images": (accuracy(replay, y_test < 5), replay),
    "LoRA, switched on": (accuracy(lora, y_test < 5), lora),
    "LoRA, off for old digits": (switched_off, lora),
    "frozen base, a head for each": (accuracy(base, y_test < 5), head),
}
print(f"{'accuracy on':30} {'0 to 4':>7} {'5 to 9':>7}")
for name, (old, model) in rows.items():
    print(f"{name:30} {old:7.2f} {accuracy(model, y_test > 4):7.2f}")

# %% draw the forgetting
import matplotlib.pyplot as plt

alt = (
    "Line chart: what was known falls to nothing with new data only, half of it with replay"
)
figure, axes = plt.subplots(figsize=(6.4, 3.2), label=alt)
for name, color in zip(list(history)[1:4], ["#d9531e", "#1f6f78", "#b8860b"]):
    axes.plot(history[name], color=color, label=name)
axes.axhline(
    rows["before"][0], color="#888888", linestyle="--", label="frozen base, LoRA off"
)
axes.set(xlabel="step of learning 5 to 9", ylabel="accuracy on 0 to 4", xlim=(0, 100))
axes.legend()
plt.show()
