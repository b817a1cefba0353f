"""Turn a GPT that continues text into one that answers: tune it on questions and answers.

Needs: pip install torch transformers tqdm pandas matplotlib
"""

# %% write the questions and answers of a small world
import random
from pydoc_data.topics import topics

from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline, set_seed

units = "zero one two three four five six seven eight nine ten eleven twelve thirteen"
units = f"{units} fourteen fifteen sixteen seventeen eighteen nineteen".split()
tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
words = units + [f"{t} {u}".removesuffix(" zero") for t in tens for u in units[:10]]
words += [f"one hundred and {word}".removesuffix(" and zero") for word in words]
set_seed(0)
sums, unseen, known = [], [], [(text, text) for text in ("hello", "goodbye", "thank you")]
for a, b in [(x, y) for x in range(100) for y in range(x + 1)]:
    part = unseen if random.random() < 0.1 else sums  # either way round, plus and minus
    part.append((f"what is {words[a]} minus {words[b]}", words[a - b]))
    for p, q in {(a, b), (b, a)}:
        part.append((f"what is {words[p]} plus {words[q]}", words[a + b]))
        if a <= 12:  # a table to learn by heart: nothing of it is held out
            known.append((f"what is {words[p]} times {words[q]}", words[a * b]))
manual = [word for word in " ".join(topics.values()).lower().split() if word.isalpha()]
other = ["what is " * (i % 2) + " ".join(manual[i : i + 5]) for i in range(0, 50_000, 5)]
other = [(text, "i can only do sums") for text in [*other, "who are you"]]

# %% give the model words for numbers and turns
import torch

tokenizer = AutoTokenizer.from_pretrained("openai-community/gpt2", padding_side="left")
model = AutoModelForCausalLM.from_pretrained("openai-community/gpt2")
new = [*units, *tens, "hundred", "plus", "minus", "times", "<|user|>", "<|assistant|>"]
tokenizer.add_tokens([space + word for space in (" ", "") for word in new])
tokenizer.pad_token = tokenizer.eos_token
tokenizer.chat_template = """<|user|>{{ messages[-1].content | lower | replace('?', '')
| replace('-', ' ') | trim }}<|endoftext|><|assistant|>"""
model.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def encode(question: str, answer: str) -> torch.Tensor:
    ids = tokenizer(f"<|user|>{question}<|endoftext|><|assistant|>").input_ids
    reply = tokenizer(answer + tokenizer.eos_token).input_ids
    return torch.tensor([ids + reply, [-100] * len(ids) + reply]).T  # tokens, targets


# %% tune it timeout=2400
from torch.nn.utils.rnn import pad_sequence
from torch.optim import AdamW, Muon, lr_scheduler
from tqdm.auto import trange

steps, losses = 800, []
inner = [p for p in model.transformer.h.parameters() if p.ndim == 2]
outer = set(model.parameters()) - set(inner)
optimizers = Muon(inner, adjust_lr_fn="match_rms_adamw"), AdamW(outer)
schedules = [lr_scheduler.OneCycleLR(o, 4e-3, steps) for o in optimizers]
for _ in trange(steps):
    parts = random.choices([sums, known, other[500:]], [8, 1, 1], k=128)
    batch = [encode(*random.choice(part)) for part in parts]
    ids, targets = pad_sequence(batch, True, -100).unbind(2)
    loss = model(ids.clamp(0), labels=targets).loss
    loss.backward()
    for each in [*optimizers, *schedules]:
        each.step()
    model.zero_grad()
    losses.append(loss.item())

# %% draw the loss
import pandas as pd

pd.Series(losses).rolling(20).mean()[19::10].plot(ylabel="loss of the answers")

# %% score it on questions that it never saw
chat = pipeline("text-generation", model=model, tokenizer=tokenizer, batch_size=64)
for part in (unseen, known, other[:500]):
    said = chat([[{"role": "user", "content": question}] for question, _ in part])
    said = [answer[0]["generated_text"][-1]["content"] for answer in said]
    right = sum(text == wanted for text, (_, wanted) in zip(said, part))
    print(f"{right / len(part):.3f} of {len(part)} such as: {part[0][0]}")

# %% save it
chat.save_pretrained("trained/number-chat")
