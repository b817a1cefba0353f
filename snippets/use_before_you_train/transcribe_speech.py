"""Turn speech into text with a pretrained Whisper, and look at what it listens to.

Needs: pip install torch transformers soundfile matplotlib ipython, and the book's
spoken-sum.flac
"""

# %% play the recording
from pathlib import Path

import soundfile
from IPython.display import Audio

path = Path("snippets/data/spoken-sum.flac")
if not path.exists():
    raise SystemExit(
        f"{path} is missing: download it from the book's page and put it there"
    )
wave, rate = soundfile.read(path, dtype="float32")
Audio(wave, rate=rate)

# %% load a recogniser that someone else trained
from transformers import pipeline

listen = pipeline("automatic-speech-recognition", model="openai/whisper-tiny.en")

# %% write down what was said
text = listen({"raw": wave, "sampling_rate": rate})["text"]
print(f"{len(wave) / rate:.1f} s of sound: {text.strip()!r}")

# %% see it as the model does
import matplotlib.pyplot as plt

features = listen.feature_extractor(wave, sampling_rate=rate, return_tensors="np")
spectrogram = features.input_features[0][:, : int(100 * len(wave) / rate)]
alt = "Spectrogram: bands of bright stripes where somebody speaks, dark between the words"
figure, axes = plt.subplots(figsize=(6.4, 2.4), label=alt)
seconds = spectrogram.shape[1] / 100
extent = (0, seconds, 0, 80)
axes.imshow(spectrogram, origin="lower", aspect="auto", interpolation="none", extent=extent)
axes.set(xlabel="seconds", ylabel="mel band", title=text.strip())
plt.show()
