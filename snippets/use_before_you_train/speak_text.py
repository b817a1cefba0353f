"""Turn text into speech: one pipeline, and the sound is a row of numbers.

Needs: pip install torch transformers matplotlib ipython
"""

# %% load a voice that someone else trained
from transformers import pipeline, set_seed

speak = pipeline("text-to-speech", model="facebook/mms-tts-eng")

# %% say a sentence
from IPython.display import Audio

set_seed(0)  # the original model varies its rhythm by chance
text = "twenty seven plus thirty five"
speech = speak(text)
wave, rate = speech["audio"].squeeze(), speech["sampling_rate"]
print(f"{text!r}: {len(wave) / rate:.1f} s of sound, {rate:,} numbers a second")

# %% listen to it
Audio(wave, rate=rate)

# %% look at the sound
import matplotlib.pyplot as plt

alt = "Waveform: bursts of sound, one for each word, with pauses between them"
figure, axes = plt.subplots(figsize=(6.4, 1.8), label=alt)
loudest = abs(wave[: len(wave) // 160 * 160]).reshape(-1, 160).max(axis=1)
times = [i / 100 for i in range(len(loudest))]
axes.fill_between(times, -loudest, loudest, linewidth=0)
axes.set(xlabel="seconds", ylabel="loudness", title=text)
plt.show()
