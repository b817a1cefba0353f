"""Train a small GPT from scratch to continue the docstrings of Python's own library.

Needs: pip install torch transformers tokenizers tqdm pandas matplotlib
"""

# %% read the docstrings of the standard library
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
print("held out:", ", ".join(sorted(set(test.values()))))

# %% learn a vocabulary and start from random weights
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

end = "<|endoftext|>"  # token 0, before and after each docstring
bpe = ByteLevelBPETokenizer()
bpe.train_from_iterator(train, 1024, show_progress=False, special_tokens=[end])
texts = (end + end.join(part) + end for part in (train, test))
learn, unseen = (torch.tensor(bpe.encode(text).ids) for text in texts)
shape = {"vocab_size": 1024, "n_positions": 128, "n_embd": 128, "n_layer": 4, "n_head": 2}
torch.manual_seed(0)
gelu = {"activation_function": "gelu_pytorch_tanh"}  # as GPT-2 has it, in one kernel
model = GPT2LMHeadModel(GPT2Config(**shape, **gelu, bos_token_id=0, eos_token_id=0))
print(f"{model.num_parameters():,} random weights, {len(learn):,} tokens")

# %% train timeout=2400
from torch.optim import AdamW, Muon, lr_scheduler
from tqdm.auto import trange

steps, window, losses = 2800, 128, []
inner = [p for p in model.transformer.h.parameters() if p.ndim == 2]
outer = set(model.parameters()) - set(inner)
optimizers = Muon(inner, ns_steps=3, adjust_lr_fn="match_rms_adamw"), AdamW(outer)
schedules = [lr_scheduler.OneCycleLR(o, 4e-3, steps, pct_start=0.1) for o in optimizers]
for _ in trange(steps):
    batch = learn.unfold(0, window, 1)[torch.randint(len(learn) - window + 1, (8,))]
    loss = model(batch, labels=batch).loss
    loss.backward()
    for each in [*optimizers, *schedules]:
        each.step()
    model.zero_grad()
    losses.append(loss.item())

# %% draw the loss
import pandas as pd

pd.Series(losses).rolling(20).mean()[19::20].plot(ylabel="loss, nats a token")

# %% score it on modules that it never saw
nats, half = 0, window // 2
model.eval()
for i in range(0, len(unseen) - half, half):  # each token is predicted once
    part, asked = (unseen[None, i : i + window].clone() for _ in range(2))
    asked[:, : half if i else 1] = -100  # no score for what is there to be read
    with torch.inference_mode():
        nats += model(part, labels=asked).loss.item() * (asked >= 0).sum().item()
print(f"{nats / 0.6931 / size:.2f} bits per byte on {size:,} bytes of unseen modules")

# %% save it
model.generation_config.update(pad_token_id=0, max_new_tokens=60)
model.save_pretrained("trained/docstring-gpt")
tokenizer = GPT2TokenizerFast(tokenizer_object=bpe, model_max_length=window)
tokenizer.save_pretrained("trained/docstring-gpt")
