"""Train a small Whisper from scratch on spoken numbers, in voices of a synthesiser.

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


# %% make up sentences of numbers
import random

from num2words import num2words

phrases = ["hello", "goodbye", "thank you", "who are you", "i can only do sums"]


def spell(n: int) -> str:
    return num2words(n).replace("-", " ")


def sentence(rng: random.Random) -> str:
    a, b = spell(rng.randrange(100)), spell(rng.randrange(100))
    asked = f"{a} {rng.choice(['plus', 'minus', 'times'])} {b}"
    digits = " ".join(spell(rng.randrange(10)) for _ in range(rng.randint(1, 6)))
    said = rng.choice(phrases)
    kinds = [spell(rng.randrange(1000)), digits, asked, f"what is {asked}", said]
    return rng.choices(kinds, [30, 20, 22, 22, 6])[0]


# %% hear them in many voices and speeds and noises
from pathlib import Path

import torch
from transformers import WhisperFeatureExtractor

# Four seconds at most, a step of 25 ms: words are long, and the training is short.
extract = WhisperFeatureExtractor(chunk_length=4, hop_length=400, n_fft=800)
accents = ["en", "en-us", "en-us-nyc", "en-029", "en-gb-scotland", "en-gb-x-rp"]
folder = Path(espeakng_loader.get_data_path(), "voices", "!v")
# Whispers, echoes and voices of another kind of synthesiser stay outside this small world.
strange = ("whisper", "echo", "klatt", "Demonic", "Marco", "AnxiousAndy")
about = {
    file.name: file.name + file.read_text("utf-8", "ignore") for file in folder.iterdir()
}
timbres = sorted(name for name in about if not any(word in about[name] for word in strange))
unheard = timbres[::5]
heard = [name for name in timbres if name not in unheard]


def recording(text: str, timbres: list[str], rng: random.Random) -> np.ndarray:
    """Four seconds of a room in which somebody says it, 16,000 samples a second."""
    voice = f"{rng.choice(accents)}+{rng.choice(timbres)}"
    speed, wave = rng.randint(120, 180), np.zeros(99_999)
    while len(wave) > 64_000:
        wave, _ = speak(text, voice, speed, rng.randint(20, 80))
        speed += 20
    loudness = 0.1 * 10 ** rng.uniform(-0.4, 0.3)
    noise = np.random.default_rng(rng.randrange(2**32))
    quieter = 10 ** (-rng.uniform(15, 50) / 20) * rng.choice([0, 1, 1, 1])  # or no noise
    room = noise.normal(0, loudness * quieter, 64_000)
    at = rng.randrange(min(6400, 64_001 - len(wave)))
    room[at : at + len(wave)] += wave * loudness / wave.std()
    return room.astype("float32")


# %% record them all
def record(texts: list[str], timbres: list[str], rng: random.Random) -> torch.Tensor:
    """Log-mel spectrograms, texts x 80 bands x 160 steps."""
    waves = (recording(text, timbres, rng) for text in texts)
    features = [extract(wave, sampling_rate=16_000).input_features[0] for wave in waves]
    return torch.tensor(np.stack(features)).half()


rng = random.Random(0)
texts = [rng.choice(sentence(rng).split()) for _ in range(700)]  # words first
texts += [sentence(rng) for _ in range(8300)]
spectrograms = record(texts, heard, rng)
trials = [sentence(rng) for _ in range(300)]
trial_spectrograms = record(trials, unheard, rng)
print(f"{len(texts):,} recordings in {len(heard)} voices to learn from")
print(f"{len(trials):,} recordings in {len(unheard)} other voices to be judged on")

# %% make a token of each word
import json

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import WhisperTokenizer

special = ["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"]
alphabet = pre_tokenizers.ByteLevel.alphabet()
bytes_to_words = Tokenizer(models.BPE())
bytes_to_words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
trainer = trainers.BpeTrainer(
    vocab_size=600, initial_alphabet=alphabet, show_progress=False
)
bytes_to_words.train_from_iterator(texts, trainer)
bpe = json.loads(bytes_to_words.to_str())["model"]
vocabulary = bpe["vocab"] | {name: len(bpe["vocab"]) + i for i, name in enumerate(special)}
tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[tuple(m) for m in bpe["merges"]])
tokenizer.add_special_tokens({"additional_special_tokens": special[1:]})
tokenizer.pad_token = special[0]
end, start, plain = tokenizer.convert_tokens_to_ids(special)
labels = [tokenizer(f" {text}", add_special_tokens=False).input_ids for text in texts]
print(tokenizer.convert_ids_to_tokens(labels[-1]))

# %% build a small Whisper with random weights
from transformers import WhisperConfig, WhisperForConditionalGeneration

torch.manual_seed(0)
size = {"d_model": 128, "encoder_layers": 2, "decoder_layers": 2}
heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
widths = {"encoder_ffn_dim": 512, "decoder_ffn_dim": 256}
tokens = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
config = WhisperConfig(
    vocab_size=len(tokenizer),
    max_source_positions=80,  # half of the 160 steps
    max_target_positions=32,
    decoder_start_token_id=start,
    begin_suppress_tokens=None,
    init_std=0.06,
    **size,
    **heads,
    **widths,
    **tokens,
)
model = WhisperForConditionalGeneration(config)
print(f"{model.num_parameters():,} parameters")

# %% train it timeout=2400
from torch import nn
from torch.optim import AdamW, Muon, lr_scheduler
from tqdm import trange

# A second, simpler teacher for the ears alone: it leads them out of the plateau sooner.
aligner = nn.Linear(config.d_model, len(tokenizer))
parameters = [*model.parameters(), *aligner.parameters()]
layers = [*model.model.encoder.layers, *model.model.decoder.layers]
inner = [p for layer in layers for p in layer.parameters() if p.ndim == 2]
outer = [p for p in parameters if not any(p is one for one in inner)]
optimizers = [
    Muon(inner, ns_steps=3, adjust_lr_fn="match_rms_adamw"),
    AdamW(outer, betas=(0.9, 0.98), fused=True),
]
steps, losses = 2800, []
schedules = [lr_scheduler.OneCycleLR(o, 3e-3, steps, pct_start=0.06) for o in optimizers]
model.train()
for step in (bar := trange(steps)):
    last = 700 if step < steps // 10 else len(texts)
    chosen = [rng.randrange(last) for _ in range(24)]
    ears = spectrograms[chosen].float()
    for i, spectrogram in enumerate(ears):  # a little higher or lower, a little later
        spectrogram = spectrogram.roll((rng.randint(-3, 3), rng.randint(0, 10)), (0, 1))
        band, moment = rng.randrange(70), rng.randrange(150)
        spectrogram[band : band + rng.randrange(10)] = spectrogram.mean()  # and with gaps
        spectrogram[:, moment : moment + rng.randrange(10)] = spectrogram.mean()
        ears[i] = spectrogram
    words = [torch.tensor(labels[i]) for i in chosen]
    rows = [torch.tensor([plain, *row, end]) for row in words]
    wanted = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
    output = model(input_features=ears, labels=wanted)
    aligned = aligner(output.encoder_last_hidden_state).log_softmax(-1).transpose(0, 1)
    lengths = torch.full((len(words),), 80), torch.tensor([len(row) for row in words])
    ctc = nn.functional.ctc_loss(aligned, torch.cat(words), *lengths, blank=end)
    loss = output.loss + 0.3 * ctc
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    for each in [*optimizers, *schedules]:
        each.step()
    model.zero_grad(), aligner.zero_grad()
    losses.append(output.loss.item())
    bar.set_postfix(loss=f"{losses[-1]:.2f}")
print(f"loss {np.mean(losses[:20]):.2f} to {np.mean(losses[-20:]):.2f}")

# %% score it on voices that it never heard
from transformers import GenerationConfig

model.eval()
model.generation_config = GenerationConfig(
    decoder_start_token_id=start,
    no_timestamps_token_id=plain,
    is_multilingual=False,
    max_length=32,
    **tokens,
)


def word_errors(heard: list[str], said: list[str]) -> int:
    """Insertions, deletions and substitutions between two lists of words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, before + (word != other)),
            )
    return row[-1]


wrong = 0
for part in range(0, len(trials), 50):
    with torch.inference_mode():
        ids = model.generate(trial_spectrograms[part : part + 50].float())
    guesses = tokenizer.batch_decode(ids, skip_special_tokens=True)
    for text, guess in zip(trials[part : part + 50], guesses):
        wrong += word_errors(guess.split(), text.split())
total = sum(len(text.split()) for text in trials)
print(f"words right: {1 - wrong / total:.3f} of {total:,}")

# %% see the loss fall
import matplotlib.pyplot as plt

alt = "Loss curve: a long plateau while it only learns the language, then it falls steeply"
figure, axes = plt.subplots(figsize=(6.4, 2.6), label=alt)
axes.plot(np.arange(0, steps, 40), np.reshape(losses, (-1, 40)).mean(axis=1))
axes.set(xlabel="step", ylabel="loss", ylim=0)
plt.show()

# %% save it with its ears and its words
from transformers import WhisperProcessor

model.save_pretrained("trained/number-whisper")
WhisperProcessor(extract, tokenizer).save_pretrained("trained/number-whisper")
