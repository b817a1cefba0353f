"""Summarise a text by picking the sentences that carry it: embeddings and a little arithmetic.

Needs: pip install sentence-transformers
"""

# %% split the text into sentences
import re

text = """
The town library of Ashcombe reopened on Monday after two years of repairs. Builders had found
rotten beams under the reading room in the spring of the year before last. Nobody had looked
under that floor since 1931. The repairs cost 2.4 million pounds, twice what the council had
planned. Half of that came from a lottery grant, the rest from a loan. On the first day more
than nine hundred people came, and the queue reached the bakery. The bakery sold out of buns
by ten. Children get the whole upper floor, with a reading ship built by apprentices of the
shipyard. The mayor cut the ribbon with the scissors that her grandfather had used. Opening
hours now run until nine in the evening, because most visitors asked for that in a survey.
The old card catalogue stays in the hall as a piece of furniture. Critics say that the loan
will burden the town for fifteen years.
"""
sentences = re.split(r"(?<=[.!?])\s+", " ".join(text.split()))
print(len(sentences), "sentences,", len(text.split()), "words")

# %% embed them with a frozen model
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")
vectors = model.encode(sentences, normalize_embeddings=True)

# %% pick sentences that are close to the whole and far from each other
whole = vectors.mean(axis=0)
chosen: list[int] = []
while len(chosen) < 3:
    worth = vectors @ whole
    if chosen:
        worth = worth - 0.5 * (vectors @ vectors[chosen].T).max(axis=1)
        worth[chosen] = -9
    chosen.append(int(worth.argmax()))

for i in sorted(chosen):
    print("-", sentences[i])
