"""Continue a text with a model that someone else trained, and see what it chooses from.

Needs: pip install torch transformers matplotlib
"""

# %% continue a text
from transformers import pipeline

name = "openai-community/gpt2"
write = pipeline("text-generation", model=name)
settings = {"max_new_tokens": 30, "no_repeat_ngram_size": 3, "return_full_text": False}
for begun in ["Return a list of", "Raise an exception if", "If the file"]:
    # greedy: always the likeliest token, so the text is the same each time
    answer = write(begun, do_sample=False, **settings)
    print(f"{begun}\N{HORIZONTAL ELLIPSIS}{answer[0]['generated_text']}\n")

# %% draw other continuations
from transformers import set_seed

set_seed(0)
drawn = write("Return a new", do_sample=True, top_k=20, num_return_sequences=3, **settings)
for answer in drawn:
    print(
        "Return a new\N{HORIZONTAL ELLIPSIS}",
        " ".join(answer["generated_text"].split()),
    )

# %% look at what it chooses from
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name)
text = "Return True if the"
with torch.inference_mode():
    logits = model(**tokenizer(text, return_tensors="pt")).logits
probabilities, tokens = logits[0, -1].softmax(0).topk(10)
words = [tokenizer.decode(token) for token in tokens]
for word, probability in zip(words, probabilities.tolist()):
    print(f"{probability:6.1%}  {word!r}")

# %% draw the choice
import matplotlib.pyplot as plt

label = f"Bars: after {text!r} the likeliest next token is {words[0]!r}"
_, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained", label=label)
axes.barh([repr(word) for word in words], probabilities.tolist(), color="#3f51b5")
axes.invert_yaxis()
axes.set_xlabel("probability of the next token")
axes.set_title(f"{text} \N{HORIZONTAL ELLIPSIS}", loc="left")
axes.spines[["top", "right"]].set_visible(False)
