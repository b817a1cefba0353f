"""Zero-shot: name the categories, compare each listing with the names, train nothing.

Needs: pip install sentence-transformers pandas, and the book's products.csv
"""

# %% read the listings that a model would be tested on
from pathlib import Path

import pandas as pd

path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
listings = pd.read_csv(path)
test = listings[listings.split == "test"]
names = sorted(test.category.unique())
print(f"{len(test)} listings, {len(names)} categories, no example of any of them")

# %% compare each listing with the bare names
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2", device="cpu")
vectors = model.encode((test.title + ". " + test.text).tolist())


def accuracy(descriptions: list[str]) -> float:
    nearest = (vectors @ model.encode(descriptions).T).argmax(1)
    return sum(names[i] == true for i, true in zip(nearest, test.category)) / len(test)


print(f"accuracy with the bare names   {accuracy(names):.2f}")
print(f"accuracy of a blind guess      {1 / len(names):.2f}")

# %% say more about each category
descriptions = {
    "Beauty & Health": "make-up, skin care, shaving, hair care, first aid and vitamins",
    "Clothing & Shoes": "clothes, dresses, coats, socks, boots, hats, belts and handbags",
    "Electronics": "computers, phones, chargers, cables, cameras, speakers and headphones",
    "Furniture & Decor": "chairs, tables, shelves, lamps, curtains, rugs and vases",
    "Garden": "plants, seeds, pots, hoses, lawn mowers, pruning and patio",
    "Kitchen": "pans, knives, plates, baking tins, kettles and food storage",
    "Pets": "dogs, cats, fish, birds, rabbits and their food, leads, beds and cages",
    "Sport & Outdoors": "camping, cycling, fitness, running, swimming and fishing",
    "Tools & DIY": "drills, saws, screws, paint, plumbing, wiring and workshop safety",
    "Toys & Games": "dolls, puzzles, board games, bricks and toy cars for children",
}
sentences = [f"{name}: {descriptions[name]}" for name in names]
print(f"accuracy with a line for each  {accuracy(sentences):.2f}")
