"""Narrow pre-training: features learnt on the digits 0 to 4, used to tell 5 to 9 apart.

Needs: pip install torch scikit-learn matplotlib
"""

# %% split the digits into an old world and a new one
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pixels, digits = load_digits(return_X_y=True)
pixels, old = (pixels / 16).astype("float32"), digits < 5
images, test_images, names, test_names = train_test_split(
    pixels[~old], digits[~old], test_size=400, stratify=digits[~old], random_state=0
)
print(f"{old.sum()} images of 0 to 4, {len(images)} + {len(test_images)} of 5 to 9")

# %% pre-train on the old world
torch.manual_seed(0)
relu, loss_of = torch.nn.ReLU(), torch.nn.CrossEntropyLoss()
body = torch.nn.Sequential(torch.nn.Linear(64, 128), relu, torch.nn.Linear(128, 32), relu)


def features(images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return body(torch.tensor(images)).numpy()


random_test, random_train = features(test_images), features(images)
model = torch.nn.Sequential(body, torch.nn.Linear(32, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(300):
    loss = loss_of(model(torch.tensor(pixels[old])), torch.tensor(digits[old]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss on 0 to 4 after 300 steps: {loss.item():.3f}")

# %% fit the same classifier on pixels and on features
inputs = {
    "raw pixels": (images, test_images),
    "features, never trained": (random_train, random_test),
    "features, pre-trained on 0 to 4": (features(images), features(test_images)),
}
labels, draws = [2, 4, 8, 16, 32], 20
scores = {name: np.zeros((len(labels), draws)) for name in inputs}
for row, count in enumerate(labels):
    for seed in range(draws):
        order = np.random.default_rng(seed).permutation(len(images))
        chosen = np.concatenate([order[names[order] == d][:count] for d in range(5, 10)])
        for name, (known, unseen) in inputs.items():
            head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
            head.fit(known[chosen], names[chosen])
            scores[name][row, seed] = head.score(unseen, test_names)
print("labels a class:                  " + "  ".join(f"{count:4}" for count in labels))
for name, found in scores.items():
    print(f"{name:32} " + "  ".join(f"{score:.2f}" for score in found.mean(1)))

# %% draw the three curves
import matplotlib.pyplot as plt

alt = (
    "Line chart of accuracy on the digits 5 to 9 against labels a class: at every number "
    "of labels raw pixels are above the features pre-trained on 0 to 4"
)
figure, axes = plt.subplots(figsize=(6.4, 3.4), label=alt)
for (name, found), color in zip(scores.items(), ["#1f6f78", "#888888", "#d9531e"]):
    axes.plot(labels, found.mean(1), marker="o", color=color, label=name)
axes.set(xscale="log", xlabel="labels a class", ylabel="accuracy", xticks=labels)
axes.set_xticks(labels, labels, minor=False)
axes.minorticks_off()
axes.legend()
plt.show()
