"""Find the passage that answers a question by the distance between embeddings.

Needs: pip install sentence-transformers matplotlib
"""

# %% load an embedding model
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")

# %% turn sentences into vectors
passages = {
    "charge": "Charge the scooter for four hours before the first ride.",
    "pair": "To pair it with your phone, hold the bell until it blinks blue.",
    "warranty": "The warranty covers the frame for five years and the battery for two.",
    "fold": "Fold it by pulling the red lever up and lowering the handlebar.",
    "tyres": "Keep both tyres at 3.5 bar; check them once a month.",
    "return": "Return it within thirty days in its original box for your money back.",
}
vectors = model.encode(list(passages.values()), normalize_embeddings=True)
print(f"{vectors.shape[0]} passages, {vectors.shape[1]} numbers each")

# %% search by meaning
questions = {
    "bluetooth": "How do I connect it over Bluetooth?",
    "refund": "Can I get a refund?",
    "air": "How much air do the wheels need?",
    "no answer": "Who founded the company?",
}
scores = model.encode(list(questions.values()), normalize_embeddings=True) @ vectors.T
for question, row in zip(questions.values(), scores):
    print(f"{question}\n    {row.max():.2f}  {list(passages.values())[row.argmax()]}")

# %% see how far each question is from each passage
import matplotlib.pyplot as plt

alt = "Heat map: each question is closest to its answer, the last one is close to nothing"
figure, axes = plt.subplots(figsize=(6, 3.2), label=alt)
image = axes.pcolormesh(scores, cmap="Blues", vmin=0, vmax=0.6, edgecolors="white")
axes.set_xticks([i + 0.5 for i in range(len(passages))], list(passages), rotation=30)
axes.set_yticks([i + 0.5 for i in range(len(questions))], list(questions))
axes.invert_yaxis()
figure.colorbar(image, label="cosine similarity")
plt.show()
