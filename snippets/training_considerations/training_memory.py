"""What training needs in memory: four methods, part by part, held against PEFT's figures.

Needs: pip install pandas, and the book's memory.csv
"""

# %% add it up
import math
from numbers import Real

# Bytes for each frozen weight and for each that learns. AdamW keeps two running averages
# in 32 bit (8) beside weight and gradient. Mixed: github.com/stas00/ml-engineering. QLoRA:
# 4 bits, and 0.127 for their scales: Dettmers et al. 2023, arXiv:2305.14314, section 3.
METHODS = {
    "full": (0, 4 + 4 + 8),  # all of it in 32 bit
    "mixed": (0, 2 + 4 + 4 + 8),
    "lora": (2, 2 + 4 + 4 + 8),
    "qlora": ((4 + 0.127) / 8, 2 + 4 + 4 + 8),
}


def count(name: str, value: float, high: float = 1e15) -> float:
    fine = isinstance(value, Real) and not isinstance(value, bool)
    if not fine or not math.isfinite(value) or not 1 <= value <= high:
        raise ValueError(f"`{name}` is {value!r}: it is a count, from 1 to {high:g}")
    return float(value)


def training_memory(
    parameters: float,
    method: str,
    layers: int,
    width: int,
    heads: int,
    context: int,
    batch: int = 1,
    checkpointing: bool = False,
    rank: int = 8,
    adapted: int = 2,
    base_bytes: float | None = None,
    activation_bytes: int = 2,
    fused_attention: bool = False,
) -> dict[str, float]:
    """GB of 10^9 bytes for weights with optimizer, for activations, and for both.

    `adapted` counts matrices of `width` x `width` a layer that get an adapter of `rank`;
    `base_bytes` is what a frozen weight takes, if not the method's own. Activations:
    Korthikanti et al. 2022, arXiv:2205.05198, equation 1; with checkpointing each layer
    keeps its input, one at a time is computed anew. Left out: logits, buffers, fragments.
    """
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}: take {', '.join(METHODS)}")
    parameters, width = count("parameters", parameters), count("width", width, 1e6)
    layers, heads = count("layers", layers, 1e4), count("heads", heads, 1e4)
    context, batch = count("context", context, 1e8), count("batch", batch, 1e6)
    frozen, learning = METHODS[method]
    states = learning * parameters
    if frozen:
        rank, adapted = count("rank", rank, 1e5), count("adapted", adapted, 100)
        adapters = 2 * rank * width * layers * adapted
        states = (base_bytes or frozen) * parameters + learning * adapters
    scores = 0 if fused_attention else 5 * heads * context / width
    layer = context * batch * width * (34 + scores) * activation_bytes / 2
    kept = context * batch * width * activation_bytes
    activations = layers * kept + layer if checkpointing else layers * layer
    return {
        "states": states / 1e9,
        "activations": activations / 1e9,
        "total": (states + activations) / 1e9,
    }


# %% compare four methods on one model
shape = {"layers": 32, "width": 4096, "heads": 32, "context": 2048, "fused_attention": True}
print("8 B parameters, 2,048 tokens, GB    states  activations  with checkpointing")
for method in METHODS:
    memory = training_memory(8e9, method, **shape)
    thrifty = training_memory(8e9, method, checkpointing=True, **shape)
    states, activations = memory["states"], memory["activations"]
    print(f"{method:34} {states:7.1f} {activations:12.1f} {thrifty['activations']:19.1f}")

# %% hold it against what was measured
from pathlib import Path

import pandas as pd

path = Path("docs/data/memory.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
# PEFT's script loads the model in 32 bit and takes 8 tweets at a time; 50 tokens a tweet is
# this book's guess.
for row in pd.read_csv(path).itertuples():
    shape = {"layers": row.layers, "width": row.width, "heads": row.heads, "context": 50}
    memory = training_memory(
        row.parameters, row.method, batch=8, base_bytes=4, activation_bytes=4, **shape
    )
    total = f"{memory['total']:6.1f} GB"
    print(f"{row.model:12} {row.method:5} {total}, measured {row.measured_gb}")
