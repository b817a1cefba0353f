"""Find the passage that answers a question by the distance between embeddings.

Needs: pip install sentence-transformers
"""

# %% load an embedding model
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")

# %% turn sentences into vectors
passages = [
    "Charge the scooter for four hours before the first ride.",
    "To pair it with your phone, hold the bell until it blinks blue.",
    "The warranty covers the frame for five years and the battery for two.",
    "Fold it by pulling the red lever up and lowering the handlebar.",
    "Keep both tyres at 3.5 bar; check them once a month.",
    "Return it within thirty days in its original box for your money back.",
]
vectors = model.encode(passages, normalize_embeddings=True)
print(f"{vectors.shape[0]} passages, {vectors.shape[1]} numbers each")

# %% search by meaning
questions = ["How do I connect it to Bluetooth?", "Can I get a refund?", "How much air?"]
for question in questions:
    scores = vectors @ model.encode(question, normalize_embeddings=True)
    best = scores.argmax()
    print(f"{question}\n    {scores[best]:.2f}  {passages[best]}")

# %% see which passages are alike
import matplotlib.pyplot as plt

names = ["charge", "pair", "warranty", "fold", "tyres", "return"]
alt = "Heat map: cosine similarity of the six passages; each is alike only to itself"
figure, axes = plt.subplots(figsize=(5, 4), label=alt)
image = axes.pcolormesh(
    vectors @ vectors.T, cmap="Blues", vmin=0, vmax=1, edgecolors="white"
)
axes.set_xticks([i + 0.5 for i in range(6)], names, rotation=30)
axes.set_yticks([i + 0.5 for i in range(6)], names)
axes.invert_yaxis()
figure.colorbar(image, label="cosine similarity")
plt.show()
