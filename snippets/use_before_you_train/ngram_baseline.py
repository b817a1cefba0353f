"""What counting alone can do: n-grams against a GPT, over the same unseen text.

Needs: pip install torch transformers matplotlib
"""

# %% read the docstrings and hold out whole modules
import ast
import sysconfig
import zlib
from pathlib import Path

root = Path(sysconfig.get_path("stdlib"))
skip = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages"}
kinds = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
train, test = {}, {}  # text -> module, each text once
for file in sorted(root.rglob("*.py")):
    parts = file.relative_to(root).parts
    module = parts[0].removesuffix(".py").strip("_")
    part = test if zlib.crc32(module.encode()) % 10 == 5 else train  # whole modules
    if skip.isdisjoint(parts):  # read, never imported: some modules do things
        nodes = [n for n in ast.walk(ast.parse(file.read_bytes())) if type(n) in kinds]
        part.update((text, module) for n in nodes if (text := ast.get_docstring(n)))
test = {text: module for text, module in test.items() if text not in train}
size = sum(len(text.encode()) + 1 for text in test)
print(f"{size:,} bytes of docstrings of unseen modules")

# %% count runs of symbols
import math
from collections import Counter


def score(learn: list[int], unseen: list[int], symbols: int, longest: int) -> float:
    """Bits per byte of an interpolated Kneser-Ney model of runs up to the longest."""
    grams = [Counter() for _ in range(longest)]
    grams[-1].update(zip(*(learn[i:] for i in range(longest))))
    for shorter, longer in zip(grams[-2::-1], grams[:0:-1]):
        shorter.update(run[1:] for run in longer)  # after how many symbols, not how often
    rest, total, kinds, bits = [], Counter(), Counter(), 0.0
    for counts in grams:
        once, twice = (sum(c == n for c in counts.values()) for n in (1, 2))
        rest.append((once + 1) / (once + 2 * twice + 2))  # what a run leaves to the unseen
        for run, count in counts.items():
            total[run[:-1]] += count
            kinds[run[:-1]] += 1
    for i in range(1, len(unseen)):
        p = 1 / symbols
        for n, counts in enumerate(grams):  # from short runs to long ones
            if n <= i and total[h := tuple(unseen[i - n : i])]:
                own = max(counts[(*h, unseen[i])] - rest[n], 0)
                p = (own + rest[n] * kinds[h] * p) / total[h]
        bits -= math.log2(p)
    return bits / size


# %% set bytes and tokens and a GPT side by side
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

name = "openai-community/gpt2"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name)
end, window, nats = tokenizer.eos_token, model.config.n_positions, 0.0
tokens = [tokenizer(end + end.join(part) + end).input_ids for part in (train, test)]
letters = [b"\0".join(map(str.encode, part)) for part in (train, test)]
lengths = [1, 3, 5, 6]
rows = {"bytes": [score(*letters, 256, n) for n in lengths]}
rows["tokens"] = [score(*tokens, len(tokenizer), n) for n in lengths]
half = window // 2
for i in range(0, len(tokens[1]) - half, half):  # each token is predicted once
    part, asked = (torch.tensor([tokens[1][i : i + window]]) for _ in range(2))
    asked[:, : half if i else 1] = -100  # no score for what is there to be read
    with torch.inference_mode():
        nats += model(part, labels=asked).loss.item() * (asked >= 0).sum().item()
gpt = nats / math.log(2) / size
print("bits per byte, runs of   " + "".join(f"{n:7}" for n in lengths))
for what, bits in rows.items():
    print(f"{what:25}" + "".join(f"{b:7.2f}" for b in bits))
print(f"GPT                      {gpt:7.2f}")

# %% draw them
import matplotlib.pyplot as plt

label = f"Line chart: longer runs need fewer bits a byte; the GPT's line lies at {gpt:.2f}"
_, axes = plt.subplots(figsize=(6.4, 3), layout="constrained", label=label)
for what, bits in rows.items():
    axes.plot(lengths, bits, marker="o", label=f"counting {what}")
axes.axhline(gpt, linestyle="--", color="#8a3b12", label="the GPT")
axes.set(xlabel="length of the run", ylabel="bits per byte")
axes.legend()
plt.show()
