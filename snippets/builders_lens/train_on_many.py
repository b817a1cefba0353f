"""Fine-tuning that does not know how many processes share it: one, two, or a rack of GPUs.

Needs: pip install torch transformers accelerate pandas, and the book's products.csv
Two processes: accelerate launch --multi_gpu --num_processes 2 train_on_many.py
(without GPUs, set ACCELERATE_USE_CPU=true before it)
"""

# %% say what may change from run to run
import argparse
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="sentence-transformers/all-MiniLM-L6-v2")
parser.add_argument("--data", type=Path, default="snippets/data/products.csv")
parser.add_argument("--folder", type=Path, default="many", help="checkpoints go here")
parser.add_argument("--rows", type=int, default=192, help="listings to learn from")
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--batch", type=int, default=32, help="rows a step, of all processes")
parser.add_argument("--save-every", type=int, default=4, help="steps")
parser.add_argument("--dropout", type=float, default=0.0)
options = parser.parse_args([] if "ipykernel" in sys.modules else None)
if not options.data.exists():
    raise SystemExit(
        f"{options.data} is missing: download it from the book's page and put it there"
    )

# %% prepare as for one process
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, set_seed
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
)

# The batch is split over the processes, and its rows are drawn from one seed.
shared = DataLoaderConfiguration(split_batches=True, use_seedable_sampler=True, data_seed=0)
accelerator = Accelerator(dataloader_config=shared)
set_seed(0)
listings = pd.read_csv(options.data)
listings["text"] = listings.title + ". " + listings.text
names = sorted(listings.category.unique())
tokenizer = AutoTokenizer.from_pretrained(options.model, model_max_length=64)
collate = DataCollatorWithPadding(tokenizer)
kinds = ("hidden_dropout_prob", "attention_probs_dropout_prob")
model = AutoModelForSequenceClassification.from_pretrained(
    options.model, num_labels=len(names), **dict.fromkeys(kinds, options.dropout)
)


def loader(part: str, most: int, learn: bool) -> DataLoader:
    rows = listings[listings.split == part].sample(frac=1, random_state=0)[:most]
    tokens = tokenizer(rows.text.tolist(), truncation=True)["input_ids"]
    targets = [names.index(category) for category in rows.category]
    pairs = [{"input_ids": i, "labels": t} for i, t in zip(tokens, targets)]
    own = (
        torch.Generator()
    )  # else each epoch, also a resumed one, takes from dropout's dice
    return DataLoader(
        pairs, options.batch, learn, collate_fn=collate, drop_last=learn, generator=own
    )


train, test = loader("train", options.rows, True), loader("test", 100, False)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
steps = options.epochs * len(train)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-4, steps)

# %% hand everything to the accelerator
model, optimizer, train, test, schedule = accelerator.prepare(
    model, optimizer, train, test, schedule
)


class Progress:
    """What the accelerator cannot know, and saves and loads with the rest."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def state_dict(self) -> dict:
        return {"losses": self.losses}

    def load_state_dict(self, state: dict) -> None:
        self.losses = state["losses"]


progress = Progress()
accelerator.register_for_checkpointing(progress)
set_seed(0, device_specific=True)  # each process drops weights of its own
saved = sorted(options.folder.glob("step-????"))
if saved:
    accelerator.load_state(str(saved[-1]))
    accelerator.print(f"resumed after {len(progress.losses)} steps", flush=True)

# %% train from where it stands tags=["measured"]
import json
import time

begun, before = time.perf_counter(), len(progress.losses)
model.train()
for epoch in range(len(progress.losses) // len(train), options.epochs):
    train.set_epoch(epoch)  # else a resumed epoch has the rows of the first
    done = len(progress.losses) - epoch * len(train)
    for batch in accelerator.skip_first_batches(train, done) if done else train:
        loss = model(**batch).loss
        accelerator.backward(loss)  # averages the gradients of all processes
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress.losses.append(accelerator.reduce(loss.detach(), "mean").item())
        step = len(progress.losses)
        accelerator.print(f"step {step:2}: loss {progress.losses[-1]:.4f}", flush=True)
        if step % options.save_every == 0:
            part = options.folder / "unfinished"
            accelerator.save_state(str(part))
            accelerator.wait_for_everyone()
            if accelerator.is_main_process:  # whole or not there at all
                part.rename(options.folder / f"step-{step:04}")
            accelerator.wait_for_everyone()
rows = (len(progress.losses) - before) * options.batch
speed = rows / (time.perf_counter() - begun)

# %% score it together tags=["measured"]
model.eval()
right = total = 0
for batch in test:
    with torch.inference_mode():
        answers = model(**batch).logits.argmax(1)
    answers, targets = accelerator.gather_for_metrics((answers, batch["labels"]))
    right, total = right + int((answers == targets).sum()), total + len(targets)
accelerator.print(f"{right} of {total} right, learnt from {speed:.0f} rows a second")
weights = accelerator.get_state_dict(model)  # put together, where each has a part
if accelerator.is_main_process:
    whole = accelerator.unwrap_model(model)
    whole.save_pretrained(options.folder / "model", state_dict=weights)
    result = {"losses": progress.losses, "right": right, "total": total}
    (options.folder / "result.json").write_text(json.dumps(result))
accelerator.end_training()
