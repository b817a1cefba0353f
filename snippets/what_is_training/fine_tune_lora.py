"""LoRA: freeze every pretrained weight, train small matrices beside them, save those alone.

Needs: pip install torch transformers accelerate peft pandas, and the book's products.csv
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

# %% put small matrices beside the frozen weights
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

set_seed(0)
base = "sentence-transformers/all-MiniLM-L6-v2"
tokenizer = AutoTokenizer.from_pretrained(base, model_max_length=64)
model = AutoModelForSequenceClassification.from_pretrained(
    base, id2label=dict(enumerate(names))
)
config = LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules="all-linear")
model = get_peft_model(model, config)
model.print_trainable_parameters()


def examples(part: str) -> list[dict]:
    rows = listings[listings.split == part]
    encoded = tokenizer(rows.text.tolist(), truncation=True)
    targets = [names.index(category) for category in rows.category]
    return [
        {"input_ids": ids, "labels": target}
        for ids, target in zip(encoded["input_ids"], targets)
    ]


# %% train with the Trainer tags=["measured"] timeout=1500
from transformers import Trainer, TrainingArguments

arguments = TrainingArguments(
    output_dir="checkpoints",
    num_train_epochs=4,
    per_device_train_batch_size=16,
    learning_rate=2e-3,
    warmup_steps=0.1,
    train_sampling_strategy="group_by_length",
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
right = answers.predictions.argmax(1) == answers.label_ids
print(f"accuracy {right.mean():.2f}")

# %% save the adapter alone tags=["measured"]
folder = Path("trained/product-classifier")
model.save_pretrained(folder)
model.config.save_pretrained(folder)  # the names of the categories
(folder / "README.md").unlink()
size = (folder / "adapter_model.safetensors").stat().st_size
print(f"{size / 1e6:.2f} MB beside a base of 91 MB")
