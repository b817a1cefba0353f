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


def answered(messages: dict[str, str]) -> list[bool]:
    """Whether the model was right on each message that the wrapper lets it answer."""
    return [
        answer["label"] == wanted
        for (text, wanted), answer in zip(messages.items(), classify(list(messages)))
        if answer["score"] >= 0.95 and not any(word in text.lower() for word in routine)
    ]


kept = answered(mine)
print(f"the same twelve: {len(kept)} answered, {sum(kept)} of them right")

# %% score the wrapper on messages that it was not made for
fresh = {
    "Your invoice came as a neat PDF, perfect.": "POSITIVE",
    "Forty minutes on hold, then the line went dead.": "NEGATIVE",
    "The new agent was patient and kind to my mother.": "POSITIVE",
    "Nobody reads what I write to you.": "NEGATIVE",
    "Great service, I will stay with you.": "POSITIVE",
    "The replacement is broken too.": "NEGATIVE",
    "Quick answer, problem gone.": "POSITIVE",
    "I want to cancel, this is a waste of money.": "NEGATIVE",
}
kept = answered(fresh)
print(f"eight fresh ones: {len(kept)} answered, {sum(kept)} of them right")
