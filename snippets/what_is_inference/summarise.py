"""Summarise a text by picking the sentences that carry it: embeddings and arithmetic.

Needs: pip install sentence-transformers
"""

# %% split the text into sentences
import re

text = """
The town library of Ashcombe reopened on Monday after two years of repairs. Builders had
found rotten beams under its reading room. Nobody had looked down there since 1931. The
repairs of the library cost 2.4 million pounds, twice what the town council had planned.
Half of that came from a lottery grant, the rest from a loan. More than nine hundred people
came on the first day, and the bakery next door sold out of buns by ten. Children get the
whole upper floor of the library, with a reading ship that apprentices built. The mayor cut
the ribbon with her grandfather's scissors. The library now stays open until nine in the
evening, because its visitors asked for that. Critics say that the loan will burden the
town for fifteen years.
"""
sentences = re.split(r"(?<=[.!?])\s+", " ".join(text.split()))
print(len(sentences), "sentences,", len(text.split()), "words")

# %% embed them with a frozen model
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2")
vectors = model.encode(sentences, normalize_embeddings=True)

# %% pick the sentences that say most of the others
likeness = vectors @ vectors.T
carries = likeness.mean(axis=0)
for i in sorted(carries.argsort()[-3:]):
    print(f"{carries[i]:.2f}  {sentences[i]}")
