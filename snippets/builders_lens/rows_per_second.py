"""A plain loop, datasets.map, a pool of processes and Ray Data: rows a second, and memory.

Needs: pip install "ray[data]" datasets pyarrow tokenizers safetensors huggingface_hub \
  joblib scikit-learn pandas scipy psutil matplotlib sentence-transformers, and the
book's products.csv
"""

# %% say what to run
import argparse
import os
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

parser = argparse.ArgumentParser()
sizes = [1_000, 10_000, 100_000, 1_000_000]
parser.add_argument("--rows", type=int, nargs="+", default=sizes)
parser.add_argument("--engine", help="run this one alone, on the rows in --folder")
parser.add_argument("--folder", type=Path)
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
if "__file__" not in globals():
    raise SystemExit("rows_per_second.py starts itself anew: run it as a file")
PROCESSES = os.cpu_count() or 1
BATCH = 1000  # rows

# %% load a light model
import safetensors
from huggingface_hub import hf_hub_download
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

BASE = "sentence-transformers/all-MiniLM-L6-v2"


class Classifier:
    """The mean of MiniLM's own word vectors, without its layers, and a head on top."""

    def __init__(self, file: Path | None = None):
        self.file, self.head, self.words = file, None, None

    def load(self) -> None:
        """What is heavy, once in each process, and not before it is needed there."""
        self.words = Tokenizer.from_file(hf_hub_download(BASE, "tokenizer.json"))
        self.words.no_padding()
        weights = hf_hub_download(BASE, "model.safetensors")
        with safetensors.safe_open(weights, "numpy") as file:
            self.vectors = file.get_tensor("embeddings.word_embeddings.weight")
        if self.file:
            self.head = joblib.load(self.file)

    def embed(self, texts) -> np.ndarray:
        if self.words is None:
            self.load()
        found = self.words.encode_batch_fast(list(texts), add_special_tokens=False)
        tokens = [each.ids for each in found]
        ends = np.cumsum([0, *map(len, tokens)])
        ones = np.ones(ends[-1], np.float32)
        shape = len(tokens), len(self.vectors)
        total = csr_matrix((ones, np.concatenate(tokens), ends), shape) @ self.vectors
        return total / np.linalg.norm(total, axis=1, keepdims=True)

    def __call__(self, batch: dict) -> dict:
        embedded = self.embed(batch["text"])
        sure = self.head.predict_proba(embedded)
        category = self.head.classes_[sure.argmax(1)]
        return {"id": batch["id"], "category": category, "sure": sure.max(1)}


# %% write one loop and three engines
def one_file(classify: Classifier, file: Path, answers: Path) -> None:
    batches = pq.ParquetFile(file).iter_batches(BATCH)
    done = [pa.table(classify(batch.to_pydict())) for batch in batches]
    pq.write_table(pa.concat_tables(done), answers / file.name)


def plain_loop(rows: Path, answers: Path, head: Path) -> None:
    classify = Classifier(head)
    for file in sorted(rows.iterdir()):
        one_file(classify, file, answers)


def with_datasets(rows: Path, answers: Path, head: Path) -> None:
    import datasets

    files = sorted(map(str, rows.iterdir()))
    data = datasets.Dataset.from_parquet(files, cache_dir=str(answers / "cache"))
    chosen = {"batched": True, "batch_size": BATCH, "num_proc": PROCESSES}
    chosen |= {"remove_columns": ["text"], "new_fingerprint": "answers"}
    data = data.map(Classifier(head), **chosen)
    data.to_parquet(answers / "all.parquet")


def start_worker(head: Path) -> None:
    global classify
    classify = Classifier(head)


def work(file: Path, answers: Path) -> None:
    one_file(classify, file, answers)


def with_pool(rows: Path, answers: Path, head: Path) -> None:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, spawn, start_worker, [head]) as pool:
        files = sorted(rows.iterdir())
        list(pool.map(work, files, [answers] * len(files)))


def with_ray(rows: Path, answers: Path, head: Path) -> None:
    import ray

    here = {"object_store_memory": 256 * 10**6, "include_dashboard": False}
    try:
        ray.init("local", log_to_driver=False, **here)
        each = max(pq.read_metadata(file).num_rows for file in rows.iterdir())
        data = ray.data.read_parquet(str(rows))
        data.repartition(target_num_rows_per_block=each).map_batches(
            Classifier,
            fn_constructor_args=[head],
            compute=ray.data.ActorPoolStrategy(size=PROCESSES),
            num_cpus=0.5,  # of a core: the other half reads and writes
            batch_size=BATCH,
        ).write_parquet(str(answers))
    finally:
        ray.shutdown()


ENGINES = {
    "plain loop": plain_loop,
    "datasets.map": with_datasets,
    "pool": with_pool,
    "Ray Data": with_ray,
}
if __name__ == "__main__" and options.engine:  # `measure` below starts this
    begun = time.perf_counter()
    where = options.folder / str(options.rows[0]), options.folder / "answers"
    ENGINES[options.engine](*where, options.folder / "head.joblib")
    print(f"\n{time.perf_counter() - begun}")
    sys.exit()

# %% write rows and fit the head
import tempfile

from sklearn.linear_model import LogisticRegression

if __name__ == "__main__":
    temporary = tempfile.TemporaryDirectory()
    folder = Path(temporary.name)
    listings = pd.read_csv(path).sort_values("category")
    train, test = (listings[listings.split == part] for part in ("train", "test"))
    light = Classifier()
    embedded = light.embed(train.title + ". " + train.text)
    light.head = LogisticRegression(C=10, max_iter=1000).fit(embedded, train.category)
    joblib.dump(light.head, folder / "head.joblib")

    rng = np.random.default_rng(0)
    titles, texts = test.title.to_numpy(object), test.text.to_numpy(object)
    size = test.groupby("category").size()
    first = test.category.map(size.cumsum() - size).to_numpy()
    count = test.category.map(size).to_numpy()
    for rows in options.rows:
        (folder / str(rows)).mkdir()
        each = max(1, min(25_000, rows // 4))
        for begin in range(0, rows, each):
            ids = np.arange(begin, min(begin + each, rows))
            one = rng.integers(len(test), size=len(ids))  # the title of one listing
            other = first[one] + rng.integers(count[one])  # a text of its category
            table = pa.table({"id": ids, "text": titles[one] + ". " + texts[other]})
            pq.write_table(table, folder / str(rows) / f"{begin:012}.parquet")
    print(f"rows such as: {table['text'][0]}")

# %% time them all tags=["measured"] timeout=1800
import shutil
import subprocess

import psutil

ALONE = {  # one core for each process, all as urgent, and no door to the network
    "RAY_worker_niceness": "0",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


def megabytes(process: psutil.Process) -> float:
    """Memory of a process and all below it; what they share counts once."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            memory = each.memory_full_info()
        except psutil.Error:
            continue  # it has ended
        total += getattr(memory, "pss", memory.uss)
    return total / 10**6


def measure(engine: str, rows: int) -> tuple[float, float, list]:
    """Seconds from start to last row, highest MB, and the labels in order of the ids."""
    answers = folder / "answers"
    answers.mkdir()
    command = [sys.executable, __file__, "--engine", engine, "--folder", str(folder)]
    command += ["--rows", str(rows)]
    pipe = {"stdout": subprocess.PIPE, "text": True, "env": os.environ | ALONE}
    peak = 0.0
    with psutil.Popen(command, **pipe) as process:
        while process.poll() is None:
            try:
                peak = max(peak, megabytes(process))
            except psutil.Error:
                break  # it has ended
            time.sleep(0.2)
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{engine} failed on {rows:,} rows; what it said stands above")
    found = pq.read_table(sorted(answers.glob("*.parquet"))).to_pandas().sort_values("id")
    assert found.id.tolist() == list(range(rows)), f"{engine} lost or doubled rows"
    shutil.rmtree(answers)
    return float(said.split()[-1]), peak, found.category.tolist()


if __name__ == "__main__":
    measured = {}
    print("engine              rows    seconds  rows a second   peak MB")
    for rows in options.rows:
        for engine in ENGINES:
            seconds, peak, labels = measure(engine, rows)
            measured[engine, rows] = seconds
            speed = f"{rows / seconds:14,.0f} {peak:9,.0f}"
            print(f"{engine:14}{rows:10,} {seconds:10.1f} {speed}")
            if engine == "plain loop":
                expected = labels
            assert labels == expected, f"{engine} labels otherwise than a loop"

# %% see where an engine starts to pay tags=["measured"]
if __name__ == "__main__":
    low, high = min(options.rows), max(options.rows)
    loop = [measured["plain loop", rows] for rows in (low, high)]
    for engine in list(ENGINES)[1:]:
        small, large = (measured[engine, rows] for rows in (low, high))
        gain = ((loop[1] - loop[0]) - (large - small)) / (high - low)  # seconds a row
        needed = f"{(small - loop[0]) / gain:,.0f}" if gain > 0 else "no number of"
        print(f"{engine:13}{small - loop[0]:5.1f} s lost on {low:,} rows,", end=" ")
        print(f"{loop[1] / large:.2f} times as fast on {high:,}; pays from {needed} rows")

# %% compare with the whole MiniLM tags=["measured"]
if __name__ == "__main__":
    from sentence_transformers import SentenceTransformer

    whole = SentenceTransformer(BASE, device="cpu")
    known, unseen = ((part.title + ". " + part.text).tolist() for part in (train, test))
    begun = time.perf_counter()
    embedded = whole.encode(known, batch_size=64)
    speed = len(known) / (time.perf_counter() - begun)
    head = LogisticRegression(C=10, max_iter=1000).fit(embedded, train.category)
    right = head.score(whole.encode(unseen), test.category)
    print(f"whole MiniLM  {right:.2f} right, {speed:10,.0f} rows a second")
    right = light.head.score(light.embed(unseen), test.category)
    speed = high / loop[1]
    print(f"word vectors  {right:.2f} right, {speed:10,.0f} rows a second")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

if __name__ == "__main__":
    alt = "Rows a second against rows, for a loop, datasets.map, a pool and Ray Data"
    figure, axes = plt.subplots(label=alt)
    for engine, color in zip(ENGINES, ["#888888", "#b8860b", "#1f6f78", "#d9531e"]):
        speeds = [rows / measured[engine, rows] for rows in options.rows]
        axes.plot(options.rows, speeds, marker="o", color=color, label=engine)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="rows a second")
    axes.legend()
    plt.show()
    temporary.cleanup()
