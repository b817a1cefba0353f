"""A million rows through Ray Data, a model in each process, here or on a cluster; one dies.

Needs: pip install "ray[data]" pyarrow tokenizers safetensors huggingface_hub scikit-learn \
  pandas scipy psutil matplotlib, and the book's products.csv
On a cluster: RAY_ADDRESS=… python many_rows.py --folder /a/folder/that/all/machines/see
"""

# %% write a million rows
import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--folder", type=Path, help="keep rows and answers here")
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
if options.rows < 100:
    raise SystemExit(f"--rows is {options.rows}: take 100 or more")
temporary = None if options.folder else tempfile.TemporaryDirectory()
folder = Path(options.folder or temporary.name).resolve()
listings = pd.read_csv(path).sort_values("category")
train, test = (listings[listings.split == part] for part in ("train", "test"))

rng = np.random.default_rng(0)
size = test.groupby("category").size()
first = test.category.map(size.cumsum() - size).to_numpy()
count = test.category.map(size).to_numpy()
titles, texts, truth = (
    test[name].to_numpy(object) for name in ("title", "text", "category")
)
if (folder / "rows").exists():
    raise SystemExit(f"{folder} has rows in it already: name an empty folder")
(folder / "rows").mkdir(parents=True)
EACH = min(25_000, options.rows // 20)  # rows of a file
for begin in range(0, options.rows, EACH):
    ids = np.arange(begin, min(begin + EACH, options.rows))
    one = rng.integers(len(test), size=len(ids))  # the title of one listing
    other = first[one] + rng.integers(count[one])  # the text of one of its category
    text = titles[one] + ". " + texts[other]
    rows = pa.table({"id": ids, "text": text, "truth": truth[one]})
    pq.write_table(rows, folder / "rows" / f"{begin:012}.parquet")
print(f"{options.rows:,} rows, such as: {text[0]}")

# %% load one model a process
import psutil
from huggingface_hub import hf_hub_download
import safetensors
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

BASE = "sentence-transformers/all-MiniLM-L6-v2"


class Classifier:
    """The mean of MiniLM's own word vectors, without its layers, and a head on top."""

    def __init__(self, head=None, dies_at: int = -1, grave: Path | None = None):
        self.words = Tokenizer.from_file(hf_hub_download(BASE, "tokenizer.json"))
        self.words.no_padding()
        weights = hf_hub_download(BASE, "model.safetensors")
        with safetensors.safe_open(weights, "numpy") as weights:
            self.vectors = weights.get_tensor("embeddings.word_embeddings.weight")
        self.head, self.dies_at, self.grave = head, dies_at, grave

    def embed(self, texts) -> np.ndarray:
        found = self.words.encode_batch_fast(list(texts), add_special_tokens=False)
        tokens = [each.ids for each in found]
        ends = np.cumsum([0, *map(len, tokens)])
        ones = np.ones(ends[-1], np.float32)
        shape = len(tokens), len(self.vectors)
        total = csr_matrix((ones, np.concatenate(tokens), ends), shape) @ self.vectors
        return total / np.linalg.norm(total, axis=1, keepdims=True)

    def __call__(self, batch: dict) -> dict:
        if self.dies_at in batch["id"] and not self.grave.exists():
            self.grave.touch()
            psutil.Process().kill()  # no goodbye, as when the memory is full
        embedding = self.embed(batch["text"])
        sure = self.head.predict_proba(embedding)
        answer = {"category": self.head.classes_[sure.argmax(1)], "sure": sure.max(1)}
        kept = {name: batch[name] for name in ("id", "truth")}
        embedding = embedding.astype(np.float16)
        return {
            **kept,
            **answer,
            "embedding": embedding,
            "worker": [os.getpid()] * len(sure),
        }


alone = Classifier()
alone.head = LogisticRegression(C=10, max_iter=1000)
alone.head.fit(alone.embed(train.title + ". " + train.text), train.category)
right = alone.head.score(alone.embed(test.title + ". " + test.text), test.category)
print(f"right on {right:.0%} of {len(test)} unseen listings")

# %% kill a worker in the middle tags=["measured"] timeout=900
import contextlib
import threading
import time

address = os.environ.get("RAY_ADDRESS")  # of a cluster, if you have one
os.environ["RAY_USAGE_STATS_ENABLED"] = os.environ["TOKENIZERS_PARALLELISM"] = "0"
if not address:  # no door to the network: this name keeps Ray on 127.0.0.1 on Linux too
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
import ray

MB = 10**6
samples = []  # seconds, rows written, MB of all processes


def megabytes() -> float:
    """Memory of this process and all below it; what they share counts once."""
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            memory = process.memory_full_info()
        except psutil.Error:
            continue  # it has ended
        total += getattr(memory, "pss", memory.uss)
    return total / MB


def watch(stop: threading.Event) -> None:
    begun, seen, last = time.monotonic(), {}, False
    while not last:
        last = stop.wait(0.5)
        for file in set((folder / "answers").glob("*.parquet")) - set(seen):
            try:
                seen[file] = pq.read_metadata(file).num_rows
            except (OSError, pa.ArrowInvalid):
                continue  # still being written
        samples.append((time.monotonic() - begun, sum(seen.values()), megabytes()))


stop = threading.Event()
watching = threading.Thread(target=watch, args=[stop])
watching.start()
STORE = 256  # MB of memory for rows that are under way
here = {"object_store_memory": STORE * MB, "include_dashboard": False}
begun = time.monotonic()
with contextlib.redirect_stdout(sys.stderr):  # Ray tells of the death, in many words
    try:
        ray.init(address or "local", log_to_driver=False, **({} if address else here))
        workers = int(ray.cluster_resources()["CPU"])
        dataset = ray.data.read_parquet(str(folder / "rows"))
        # Ray reads 128 MB at a time: smaller blocks give all work, and less is done again.
        dataset = dataset.repartition(target_num_rows_per_block=EACH).map_batches(
            Classifier,
            fn_constructor_args=[alone.head, options.rows // 2, folder / "grave"],
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=0.5,  # of a core: the other half reads and writes
            batch_size=1000,
        )
        dataset.write_parquet(str(folder / "answers"))
    finally:
        seconds = time.monotonic() - begun
        stop.set()
        watching.join()
        ray.shutdown()
print("     rows written   seconds   MB of all processes")
for tenth in range(1, 11):
    rows = options.rows * tenth // 10
    when, _, size = next((at for at in samples if at[1] >= rows), samples[-1])
    print(f"{rows:>17,} {when:9.1f} {size:9.0f}")
print(f"{options.rows / seconds:,.0f} rows a second, start and death of a worker included")
size = sum(file.stat().st_size for file in (folder / "answers").iterdir())
print(f"{size / MB:,.0f} MB of answers went through {STORE} MB")

# %% count what came out
columns = ["id", "truth", "category", "sure"]
answers = pq.read_table(folder / "answers", columns=columns).to_pandas()
known = answers.id.nunique()
print(f"{options.rows - known} rows lost, {len(answers) - known} doubled")
assert set(answers.id) == set(range(options.rows)) and (folder / "grave").exists()
answers = answers.sort_values("id").reset_index(drop=True)
print(f"right on {(answers.category == answers.truth).mean():.0%} of the rows")

# %% ask a plain loop for the same
step = max(1, options.rows // 10_000)
rows = pq.read_table(folder / "rows").to_pandas().sort_values("id")[::step]
alone.dies_at = -1
loop = alone({name: rows[name].to_numpy() for name in rows})
same = loop["category"] == answers.category[::step].to_numpy()
print(f"{same.sum():,} of {len(same):,} rows get the same label from a plain loop")

# %% draw the memory tags=["measured"]
import matplotlib.pyplot as plt

alt = "Memory of all processes against rows written: it rises at the start, then stays flat"
figure, axes = plt.subplots(label=alt)
_, written, size = np.array(samples).T
axes.plot(written / 1000, size, color="#1f6f78")
axes.axvline(options.rows / 2000, color="#d9531e", linestyle=":", label="a worker dies")
axes.set(xlabel="rows written, thousands", ylabel="MB of all processes", ylim=(0, None))
axes.legend()
plt.show()
if temporary:
    temporary.cleanup()
