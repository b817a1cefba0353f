"""Fewer bits, measured on a classifier: bytes on disk, milliseconds, and right answers.

Needs: pip install torch transformers onnx onnxscript onnxruntime pandas matplotlib, and the
book's reviews.csv
"""

# %% export the classifier
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

path = Path("snippets/data/reviews.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()
batch = dict(tokenizer(["It broke.", "It still works."], padding=True, return_tensors="pt"))
sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
shapes = dict.fromkeys(batch, sizes)  # so that the graph takes any batch, any length
program = torch.onnx.export(model, kwargs=batch, dynamic_shapes=shapes, verbose=False)
scratch = TemporaryDirectory(ignore_cleanup_errors=True)  # gone when Python ends
folder = Path(scratch.name)
exact = folder / "fp32.onnx"
program.save(exact)

# %% take bits away
import onnx
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

quantize_dynamic(exact, folder / "int8.onnx")  # one scale for a whole matrix
quantize_dynamic(exact, folder / "int8-rows.onnx", per_channel=True)  # one for each row
for bits in (4, 2):  # one scale for every 32 weights; the embeddings keep four bits
    graph = onnx.load(exact)
    for operator, width in (("Gather", 4), ("MatMul", bits)):
        kind = {"bits": width, "block_size": 32, "op_types_to_quantize": (operator,)}
        quantizer = MatMulNBitsQuantizer(graph, accuracy_level=4, **kind)
        quantizer.process()
        graph = quantizer.model.model
    onnx.save(graph, folder / f"int{bits}.onnx")
model.save_pretrained(folder / "fp32")
model.bfloat16().save_pretrained(folder / "bf16")

# %% measure each tags=["measured"]
import statistics
import time

import numpy as np
import onnxruntime

torch.set_num_threads(1)
reviews = pd.read_csv(path).query("split == 'test'").sample(300, random_state=0)
reviews = reviews.iloc[
    reviews.text.str.len().argsort()
]  # like lengths together: less padding
texts, positive = reviews.text.tolist(), (reviews.label == "positive").to_numpy()


def load(form: str):
    """The file that was written, and a function from encoded texts to logits."""
    file = folder / form
    if not form.endswith(".onnx"):
        net = AutoModelForSequenceClassification.from_pretrained(file, dtype="auto").eval()
        run = torch.inference_mode()(lambda batch: net(**batch).logits.float().numpy())
        return file / "model.safetensors", run
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options)
    names = [i.name for i in session.get_inputs()]
    return file, lambda b: session.run(None, {n: b[n].numpy() for n in names})[0]


measured, first = {}, None
forms = [
    "fp32",
    "bf16",
    "fp32.onnx",
    "int8.onnx",
    "int8-rows.onnx",
    "int4.onnx",
    "int2.onnx",
]
print("weights, one thread    MB   ms a review   right   as in fp32")
for form in forms:
    file, run = load(form)
    labels, seconds = [], []
    for start in range(0, len(texts), 30):
        batch = tokenizer(texts[start : start + 30], padding=True, return_tensors="pt")
        labels.extend(run(batch).argmax(1))
    for text in texts[:: len(texts) // 50]:
        batch, begun = tokenizer(text, return_tensors="pt"), time.perf_counter()
        run(batch)
        seconds.append(time.perf_counter() - begun)
    labels = np.array(labels) == 1
    first = labels if first is None else first
    size, ms = file.stat().st_size / 1e6, statistics.median(seconds) * 1000
    measured[form] = (size, ms, (labels == positive).mean())
    agree = (labels == first).mean()
    print(f"{form:18} {size:6.1f} {ms:13.1f} {measured[form][2]:7.1%} {agree:12.1%}")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

alt = "Right answers against milliseconds: a dot for each format, as large as its file"
_, axes = plt.subplots(label=alt)
for form, (size, ms, right) in measured.items():
    color = "#2a5db0" if form.endswith(".onnx") else "#d9531e"
    axes.scatter(ms, right, s=size * 6, color=color, alpha=0.6)
    axes.annotate(form, (ms, right), (6, 6), textcoords="offset points", fontsize=8)
axes.set(xlabel="ms for one review, on one thread", ylabel="share of right answers")
plt.show()
