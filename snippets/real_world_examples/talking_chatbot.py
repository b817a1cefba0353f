"""A chatbot with a voice of its own: it hears a question, thinks, and says the answer.

Needs: pip install torch transformers soundfile ipython, and the book's spoken-sum.flac and
spoken-hello.flac
"""

# %% somebody asks
from pathlib import Path

import soundfile
from IPython.display import Audio

questions = ["snippets/data/spoken-sum.flac", "snippets/data/spoken-hello.flac"]
for path in questions:
    if not Path(path).exists():
        raise SystemExit(
            f"{path} is missing: download it from the book's page and put it there"
        )
Audio(questions[0])

# %% three frozen models make one chatbot
from transformers import pipeline, set_seed

ears = pipeline("automatic-speech-recognition", model="openai/whisper-tiny.en")
mind = pipeline("text-generation", model="HuggingFaceTB/SmolLM2-135M-Instruct")
mouth = pipeline("text-to-speech", model="facebook/mms-tts-eng")


def converse(path: str) -> Audio:
    wave, rate = soundfile.read(path, dtype="float32")
    heard = ears({"raw": wave, "sampling_rate": rate})["text"].strip()
    question = [{"role": "user", "content": heard}]
    reply = mind(question, max_new_tokens=24, do_sample=False)
    answer = reply[0]["generated_text"][-1]["content"].strip()
    print(f"you: {heard}\nbot: {answer}")
    set_seed(0)  # the original voice varies its rhythm by chance
    speech = mouth(answer)
    soundfile.write("answer.wav", speech["audio"].squeeze(), speech["sampling_rate"])
    return Audio(speech["audio"].squeeze(), rate=speech["sampling_rate"])


# %% it answers a sum
converse(questions[0])

# %% it greets back
converse(questions[1])
