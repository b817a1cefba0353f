"""Fine-tuning: start from a model that has read a great deal, adjust all of its weights.

Needs: pip install torch transformers accelerate pandas, and the book's products.csv
"""

# %% read the listings
from pathlib import Path

import pandas as pd

path = Path("snippets/data/products.csv")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
listings = pd.read_csv(path)
listings["text"] = listings.title + ". " + listings.text
names = sorted(listings.category.unique())

# %% load pretrained weights and a fresh head
from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

set_seed(0)
base = "sentence-transformers/all-MiniLM-L6-v2"
tokenizer = AutoTokenizer.from_pretrained(base, model_max_length=64)
model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(names))
print(f"{model.num_parameters():,} weights, all of them will learn")


def examples(part: str) -> list[dict]:
    rows = listings[listings.split == part]
    encoded = tokenizer(rows.text.tolist(), truncation=True)
    targets = [names.index(category) for category in rows.category]
    return [
        {"input_ids": ids, "labels": target}
        for ids, target in zip(encoded["input_ids"], targets)
    ]


# %% train with the Trainer tags=["measured"]
from transformers import Trainer, TrainingArguments

arguments = TrainingArguments(
    output_dir="checkpoints",
    num_train_epochs=3,
    per_device_train_batch_size=16,
    learning_rate=2e-4,
    warmup_steps=0.1,
    train_sampling_strategy="group_by_length",
    optim="adamw_torch_fused",
    dataloader_pin_memory=False,
    save_strategy="no",
    logging_strategy="epoch",
    report_to="none",
)
trainer = Trainer(
    model, arguments, train_dataset=examples("train"), processing_class=tokenizer
)
result = trainer.train()
print(f"{result.metrics['train_runtime']:.0f} s of training")

# %% score it on listings that it never saw tags=["measured"]
answers = trainer.predict(examples("test"))
right = (answers.predictions.argmax(1) == answers.label_ids).mean()
print(f"accuracy {right:.2f}")
print(f"{model.num_parameters() * 4 / 1e6:.0f} MB to save: the whole model changed")
