"""What serving needs in memory: weights, and a cache that grows with each token.

Needs: pip install matplotlib
"""

# %% add it up
import math
from numbers import Real


def serving_memory(
    parameters: float,
    layers: int,
    kv_heads: int,
    head_dimension: int,
    context: int,
    batch: int = 1,
    weight_bits: float = 16,
    cache_bits: float = 16,
) -> dict[str, float]:
    """GB of 10^9 bytes for the weights, for the cache of all requests, and for both.

    `parameters` counts all weights, also those that rest on a token. `kv_heads` are the
    heads that keys and values have: as many as the query has in plain multi-head attention,
    fewer when they are grouped. `context` counts the tokens of one of `batch`
    requests. Raises ValueError for what is not a finite count. Left out: activations.
    """
    asked = dict(locals())
    for name, value in asked.items():
        fine = isinstance(value, Real) and not isinstance(value, bool)
        if not fine or not math.isfinite(value) or not 1 <= value <= 1e15:
            raise ValueError(f"`{name}` is {value!r}: it is a count, from 1 to 1e15")
    weights = parameters * weight_bits / 8
    per_token = 2 * layers * kv_heads * head_dimension * cache_bits / 8  # a key and a value
    cache = per_token * context * batch
    return {
        "weights": weights / 1e9,
        "cache": cache / 1e9,
        "total": (weights + cache) / 1e9,
    }


# %% compare heads that share with heads that do not
models = {  # parameters, layers, heads for keys and values, their dimension
    "Llama 2 7B, 32 heads each with its own": (6.74e9, 32, 32, 128),
    "Llama 3.1 8B, 32 heads that share 8": (8.03e9, 32, 8, 128),
}
for name, shape in models.items():
    one = serving_memory(*shape, context=1)["cache"] * 1e3
    full = serving_memory(*shape, context=4096, batch=16)
    print(f"{name}: {one:.3f} MB a token")
    print(f"  16 requests of 4,096 tokens: {full['weights']:.1f} GB of weights,", end=" ")
    print(f"{full['cache']:.1f} GB of cache")

# %% draw what fits into a GPU
import matplotlib.pyplot as plt

alt = "Memory against requests at once, of 4,096 tokens: grouped heads fit far more"
figure, axes = plt.subplots(label=alt)
batches = range(1, 65)
for (name, shape), color in zip(models.items(), ["#d9531e", "#1f6f78"]):
    totals = [serving_memory(*shape, context=4096, batch=n)["total"] for n in batches]
    axes.plot(batches, totals, color=color, label=name)
axes.axhline(80, color="#888888", linestyle="--", label="a GPU of 80 GB")
axes.set(xlabel="requests at once, of 4,096 tokens", ylabel="GB", ylim=(0, 160))
axes.legend()
plt.show()
