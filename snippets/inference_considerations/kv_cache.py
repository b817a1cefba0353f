"""Prefill, decode and the KV cache: what a token costs while the text grows.

Needs: pip install torch transformers matplotlib
"""

# %% load a model that writes
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

name = "openai-community/gpt2"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name).eval()
ROOM = 120  # tokens, prompt included

# %% write token by token
import time


@torch.inference_mode()
def write(prompt: str, use_cache: bool) -> tuple[list[int], list[float]]:
    """The tokens written, greedily, and the milliseconds that each took."""
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    cache = DynamicCache(config=model.config) if use_cache else None
    fed, milliseconds = ids, []
    while ids.shape[1] < ROOM:
        begun = time.perf_counter()
        logits = model(fed, past_key_values=cache, use_cache=use_cache).logits
        token = logits[:, -1:].argmax(-1)
        milliseconds.append((time.perf_counter() - begun) * 1000)
        ids = torch.cat([ids, token], dim=1)
        fed = token if use_cache else ids  # with a cache, the new token is all it reads
    return ids[0].tolist(), milliseconds


# %% compare with and without
prompt = "Return a list of"
cached, _ = write(prompt, use_cache=True)
anew, _ = write(prompt, use_cache=False)
print("the same tokens" if cached == anew else "other tokens")
begun = len(tokenizer(prompt).input_ids)
print(f"fed with the cache: {len(cached) - 1:,} tokens")
print(f"fed without it: {sum(range(begun, len(anew))):,} tokens")

# %% time each token tags=["measured"]
import statistics

RUNS = 7
steps = {}
for way, use_cache in {"without a cache": False, "with the KV cache": True}.items():
    runs = [write(prompt, use_cache)[1] for _ in range(RUNS)]
    steps[way] = [statistics.median(step) for step in zip(*runs)]
print("ms a token, text of        first 20   last 20")
for way, each in steps.items():
    first, last = statistics.mean(each[1:21]), statistics.mean(each[-20:])
    print(f"{way:24} {first:10.2f} {last:9.2f}")

# %% tell prefill from decode tags=["measured"]
prefill = []
with torch.inference_mode():
    for _ in range(4 * RUNS):
        start = time.perf_counter()
        model(torch.tensor([cached]), use_cache=True)
        prefill.append((time.perf_counter() - start) * 1000)
read = statistics.median(prefill) / len(cached)
wrote = statistics.mean(steps["with the KV cache"][1:])
print(f"prefill: {read:.3f} ms a token, all {len(cached)} read at once")
print(f"decode:  {wrote:.3f} ms a token, one after the other")

# %% draw it tags=["measured"]
import matplotlib.pyplot as plt

alt = "Milliseconds a token against text length: flat with the cache, rising without it"
_, axes = plt.subplots(label=alt)
for (way, each), color in zip(steps.items(), ["#d9531e", "#2a5db0"]):
    axes.plot(range(begun + 1, begun + len(each)), each[1:], color=color, label=way)
axes.axhline(read, color="#888888", linestyle="--", label="prefill, a token's share")
axes.set(xlabel="tokens so far", ylabel="ms for the next token", ylim=(0, None))
axes.legend()
plt.show()
