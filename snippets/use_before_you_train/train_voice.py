"""Give a chatbot a voice of its own: a small VITS, from scratch, that says numbers.

Needs: pip install torch transformers espeakng-loader num2words scipy matplotlib
tqdm
"""

# %% borrow a synthesiser to learn from
import ctypes

import espeakng_loader
import numpy as np
from scipy.signal import resample_poly

fields = ("type", "id", "text", "length", "ms", "sample")


class Event(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in fields] + [("user", ctypes.c_void_p * 2)]


espeak = ctypes.CDLL(espeakng_loader.get_library_path())
espeak.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
pieces, starts = [], []


@ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
)
def listen(samples, count, events) -> int:
    if samples and count:
        pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
    i = 0
    while events[i].type:  # the list ends with type 0; type 1 is the start of a word
        starts.extend([events[i].sample] if events[i].type == 1 else [])
        i += 1
    return 0


espeak.espeak_SetSynthCallback(listen)


def speak(text: str, voice: str, speed: int, pitch: int) -> tuple[np.ndarray, list[int]]:
    """The sound, 16,000 samples a second, and the sample at which each word starts."""
    pieces.clear(), starts.clear()
    espeak.espeak_SetVoiceByName(voice.encode())
    espeak.espeak_SetParameter(1, speed, 0)
    espeak.espeak_SetParameter(3, pitch, 0)
    data = text.encode() + b"\0"
    espeak.espeak_Synth(data, len(data), 0, 1, 0, 1, None, None)
    wave = resample_poly(np.concatenate(pieces) / 32768, 320, 441).astype("float32")
    wave = wave[: np.flatnonzero(abs(wave) > 0.01)[-1] + 800]  # it ends in silence
    return wave, [start * 320 // 441 for start in starts]


# %% write down what it will have to say
import random

from num2words import num2words

phrases = ["hello", "goodbye", "thank you", "i can only do sums"]


def spell(n: int) -> str:
    return num2words(n).replace("-", " ")


def line(rng: random.Random) -> str:
    a, b, c = (spell(rng.randrange(n)) for n in (100, 100, 1000))
    asked = f"{a} {rng.choice(['plus', 'minus', 'times'])} {b}"
    return rng.choices([c, asked, rng.choice(phrases)], [50, 40, 10])[0]


rng = random.Random(0)
lines = [line(rng) for _ in range(450)]
unsaid = [text for text in (line(rng) for _ in range(200)) if text not in lines][:60]
print(f"{len(lines)} lines to learn from, {len(unsaid)} others to be judged on")

# %% listen to the synthesiser letter by letter
import json
from pathlib import Path

import torch
from transformers import VitsTokenizer
from transformers.audio_utils import mel_filter_bank

hop, letters = 256, " abcdefghijklmnopqrstuvwxyz"
vocabulary = {
    "<pad>": 0,
    **{letter: i + 1 for i, letter in enumerate(letters)},
    "<unk>": 28,
}
Path("trained").mkdir(exist_ok=True)
Path("trained/vocab.json").write_text(json.dumps(vocabulary))
tokenizer = VitsTokenizer("trained/vocab.json", add_blank=False, phonemize=False)
bank = mel_filter_bank(513, 80, 0, 8000, 16000, mel_scale="slaney")
bank = torch.tensor(bank, dtype=torch.float32)


def magnitudes(wave: torch.Tensor, size: int) -> torch.Tensor:
    window = torch.hann_window(size)
    return torch.stft(wave, size, size // 4, window=window, return_complex=True).abs()


def robot(wave: torch.Tensor) -> torch.Tensor:
    """The same words on one note, 125 Hz: every wave of it starts where its frame does.

    So the sound follows from the spectrogram, and a small network finds it soon. The waves
    of a human voice start anywhere; to choose well takes longer and a second network.
    """
    alternate = torch.tensor([1.0, -1.0]).repeat(129)[:257, None]
    spectrum = magnitudes(wave, 512) * alternate + 0j
    return torch.istft(spectrum, 512, 128, window=torch.hann_window(512), length=len(wave))


def lesson(text: str):
    """Letters, frames that each of them lasts, log-mel frames, and the sound."""
    wave, starts = speak(text, "en-us", speed=150, pitch=50)
    words, count = text.split(), -(-len(wave) // hop)
    edges = [0, *(round(start / hop) for start in starts[1 : len(words)]), count]
    lasts = []
    for word, begin, end in zip(words, edges, edges[1:]):
        size = len(word) + (end < count)  # the space after a word belongs to it
        lasts += np.diff(np.linspace(begin, end, size + 1).round().astype(int)).tolist()
    wave = robot(torch.nn.functional.pad(torch.tensor(wave), (0, count * hop - len(wave))))
    mel = (magnitudes(wave, 1024).T @ bank).clamp_min(0.01).log()[:count]
    return torch.tensor(tokenizer(text).input_ids), torch.tensor(lasts), (mel + 1) / 2, wave


lessons = [lesson(text) for text in lines]
print(f"{sum(len(wave) for *_, wave in lessons) / 16000 / 60:.0f} minutes of speech")

# %% build a voice with random weights
from torch import nn
from transformers import VitsConfig, VitsModel

torch.manual_seed(0)
config = VitsConfig(
    vocab_size=len(vocabulary),
    hidden_size=80,
    num_hidden_layers=3,
    ffn_dim=192,
    flow_size=80,  # what goes from the text side to the sound side is a log-mel spectrogram
    use_stochastic_duration_prediction=False,
    duration_predictor_filter_channels=80,
    prior_encoder_num_flows=2,
    prior_encoder_num_wavenet_layers=2,
    wavenet_dilation_rate=3,
    posterior_encoder_num_wavenet_layers=1,  # for training as in the paper; unused here
    spectrogram_bins=8,
    upsample_initial_channel=192,
    upsample_rates=[4, 4, 4, 4],
    upsample_kernel_sizes=[8, 8, 8, 8],
    resblock_kernel_sizes=[3],
    resblock_dilation_sizes=[[1, 3, 9]],
    noise_scale=0.0,
    **{f"{part}_dropout": 0.0 for part in ("hidden", "attention", "activation")},
    layerdrop=0.0,
)
model = VitsModel(config)
for part in model.decoder.modules():  # the usual start saturates it: see the loss stay put
    if isinstance(part, (nn.Conv1d, nn.ConvTranspose1d)):
        fan = "fan_in" if isinstance(part, nn.Conv1d) else "fan_out"
        nn.init.kaiming_normal_(part.weight, a=0.1, mode=fan)
print(f"{model.num_parameters():,} parameters")


# %% write the training loop once
from tqdm import trange


def train(name: str, parameters, loss_of_a_batch, steps: int) -> list[float]:
    parameters, losses = list(parameters), []
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.8, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.05)
    for _ in (bar := trange(steps, desc=name)):
        loss = loss_of_a_batch()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        bar.set_postfix(loss=f"{loss.item():.2f}")
    print(f"{name}: loss {np.mean(losses[:20]):.2f} to {np.mean(losses[-20:]):.2f}")
    return losses


# %% learn which spectrogram belongs to a text timeout=2400
def pad(rows: list) -> torch.Tensor:
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


def text_loss() -> torch.Tensor:
    ids, lasts, mels, _ = zip(*rng.sample(lessons, 8))
    mask = pad([torch.ones(len(row)) for row in ids])
    text = model.text_encoder(pad(ids), mask[..., None], mask)
    hidden = text.last_hidden_state.transpose(1, 2)
    guess = model.duration_predictor(hidden, mask[:, None])[:, 0]
    wanted = (pad(lasts).clamp_min(0.6) - 0.5).log()  # the model rounds up
    rhythm = (((guess - wanted) * mask) ** 2).sum() / mask.sum()
    rows = zip(text.prior_means, lasts)
    means = pad([mean[: len(n)].repeat_interleave(n, dim=0) for mean, n in rows])
    mask = pad([torch.ones(len(mel), 1) for mel in mels])
    frames = model.flow(means.transpose(1, 2), mask.transpose(1, 2), reverse=True)
    error = (frames.transpose(1, 2) - pad(mels)).abs() * mask
    return error.sum() / mask.sum() / 80 + 0.3 * rhythm


side = [model.text_encoder, model.flow, model.duration_predictor]
parameters = [p for part in side for p in part.parameters()]
text_losses = train("text to spectrogram", parameters, text_loss, steps=1200)


# %% learn to make sound of what the text side imagines
def spectrograms(ids: torch.Tensor, lasts: torch.Tensor) -> torch.Tensor:
    """What the text side makes of a line in the synthesiser's rhythm, 80 bands x frames."""
    mask = torch.ones(1, len(ids))
    means = model.text_encoder(ids[None], mask[..., None], mask).prior_means
    means = means.repeat_interleave(lasts, dim=1).transpose(1, 2)
    return model.flow(means, torch.ones(1, 1, means.shape[2]), reverse=True)[0]


with torch.no_grad():
    imagined = [spectrograms(ids, lasts) for ids, lasts, _, _ in lessons]


def sound_loss(batch: int = 12, frames: int = 24) -> torch.Tensor:
    heard, wanted = [], []
    for i in rng.choices(range(len(lessons)), k=batch):
        at = rng.randrange(imagined[i].shape[1] - frames)
        heard.append(imagined[i][:, at : at + frames])
        wanted.append(lessons[i][3][at * hop : (at + frames) * hop])
    heard = torch.stack(heard) + 0.05 * torch.randn(batch, 80, frames)
    said, wanted = model.decoder(heard)[:, 0], torch.stack(wanted)
    loss = 10 * (said - wanted).abs().mean()
    for size in (256, 512, 1024):  # compare spectrograms of several resolutions
        a, b = magnitudes(said, size) + 0.01, magnitudes(wanted, size) + 0.01
        loss += ((a.log() - b.log()).abs().mean() + (a - b).abs().mean() / 2) / 3
    return loss


sound_losses = train(
    "spectrogram to sound", model.decoder.parameters(), sound_loss, steps=1300
)

# %% let a recogniser judge lines that it never learnt to say
from transformers import pipeline

model.eval()
listen_to = pipeline("automatic-speech-recognition", model="openai/whisper-tiny.en")
right = total = 0
for text in unsaid:
    with torch.inference_mode():
        wave = model(**tokenizer(text, return_tensors="pt")).waveform[0].numpy()
    heard = listen_to({"raw": wave[:64_000], "sampling_rate": 16000})["text"].split()
    right += sum(a == b for a, b in zip(heard, text.split()))
    total += max(len(heard), len(text.split()))
print(f"understood: {right / total:.3f} of {total} words in {len(unsaid)} new lines")

# %% see both losses fall
import matplotlib.pyplot as plt

alt = "Two curves that fall: the loss of the text side and the loss of the sound side"
figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.6), label=alt)
curves = {"text to spectrogram": text_losses, "spectrogram to sound": sound_losses}
for axis, (name, losses) in zip(axes, curves.items()):
    axis.plot(np.convolve(losses, np.ones(20) / 20, "valid"))
    axis.set(title=name, xlabel="step", ylabel="loss", ylim=0)
plt.tight_layout()
plt.show()

# %% save it as its pipeline loads it
model.save_pretrained("trained/number-voice")
tokenizer.save_pretrained("trained/number-voice")
