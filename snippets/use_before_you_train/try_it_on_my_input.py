"""Does it work on my input, and can a wrapper fix the gap: questions two and three in code.

Needs: pip install torch transformers
"""

# %% write down a dozen of your own inputs
mine = {
    "Anna from support solved it in five minutes, thank you!": "POSITIVE",
    "Third email, still no answer.": "NEGATIVE",
    "Friendly chat, clear steps, and now everything works.": "POSITIVE",
    "I was told a technician would come. Nobody came.": "NEGATIVE",
    "Refund arrived the same evening.": "POSITIVE",
    "You charged me twice and then blamed my bank.": "NEGATIVE",
    "Cancelled in one click, no questions asked.": "POSITIVE",
    "Oh great, another update that logs me out.": "NEGATIVE",
    "Can't say anything bad about the night shift.": "POSITIVE",
    "Worst phone menu I have ever been lost in.": "NEGATIVE",
    "Best customer service in the country.": "POSITIVE",
    "It's fine now, after four calls and a lost weekend.": "NEGATIVE",
}

# %% does it work well on them
from transformers import pipeline

name = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
classify = pipeline("text-classification", model=name)
answers = classify(list(mine))
for (text, wanted), answer in zip(mine.items(), answers):
    if answer["label"] != wanted:
        print(f"wrong: {answer['label']} {answer['score']:.2f}  {text}")
right = sum(a["label"] == wanted for a, wanted in zip(answers, mine.values()))
print(f"{right} of {len(mine)} right")

# %% could a wrapper fix the gap
routine = ("refund", "cancel", "invoice")  # words that say nothing about the mood here
kept = [
    answer["label"] == wanted
    for (text, wanted), answer in zip(mine.items(), answers)
    if answer["score"] >= 0.95 and not any(word in text.lower() for word in routine)
]
print(f"answered by the model: {len(kept)}, of them right: {sum(kept)}")
print(f"handed to a person:    {len(mine) - len(kept)}")
