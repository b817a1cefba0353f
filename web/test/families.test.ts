import { expect, test, vi } from "vitest";
import { manifest } from "../src/manifest";
import { Blip, type BlipConfig } from "../src/numerics/blip";
import { Clip, type ClipConfig } from "../src/numerics/clip";
import { Ddim, type DdimConfig } from "../src/numerics/ddim";
import { Gpt, repeats, type GptConfig } from "../src/numerics/gpt";
import { Ear, type EarConfig } from "../src/numerics/mel";
import { prepared, resized, type Preparation } from "../src/numerics/picture";
import { normal, random } from "../src/numerics/random";
import { softmax } from "../src/numerics/softmax";
import { Unet, type UnetConfig } from "../src/numerics/unet";
import { half } from "../src/numerics/weights";
import { Whisper, type WhisperConfig } from "../src/numerics/whisper";
import { opened, tokenizerOf, type Family } from "../src/worker/family";
import { python, served } from "./files";

// Python, torch with it, is started for each: minutes on a machine that is busy.
vi.setConfig({ testTimeout: 600_000 });

export function family(name: string): Family {
  const entry = manifest.families[name];
  // A Buffer is an Uint8Array whose slice() is no copy.
  return opened(Uint8Array.from(served(entry?.settings ?? "")), Uint8Array.from(served(entry?.weights ?? "")));
}

/** Python's model of the catalog's `id`, as `folder`. */
const FOLDER = (id: string): string => `import json, sys, torch
from toolkit import hub
from toolkit.book import Book
book = Book.locate()
model = hub.read_catalog(book)["${id}"]
folder = hub.lay_out(book, [model]) / model.cache_name / "snapshots" / model.revision
given = json.load(sys.stdin)
torch.set_grad_enabled(False)
`;

export function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
}

test("halves are IEEE 754's", () => {
  expect([0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0xfc00, 0x8000].map(half)).toEqual([1, -2, 0.333251953125, 2 ** -24, 65504, -Infinity, -0]);
  expect(half(0x7e00)).toBeNaN();
});

test("the GPT's logits are transformers', with and without what it remembers", () => {
  const found = family("docstring-gpt");
  const config = found.settings<GptConfig>("config");
  const next = random(3);
  const texts = [1, 2, 17, config.n_positions].map((length) => Array.from({ length }, () => Math.floor(next() * 1000)));
  const wanted = python<number[][]>(
    `${FOLDER("openai-community/gpt2")}
from transformers import AutoModelForCausalLM
gpt = AutoModelForCausalLM.from_pretrained(folder)
print(json.dumps([gpt(torch.tensor([ids])).logits[0, -1].tolist() for ids in given]))`,
    texts,
  );
  const gpt = new Gpt(found.weights, config);
  for (const [index, ids] of texts.entries()) {
    expect(furthest(gpt.logits(ids), wanted[index] ?? [])).toBeLessThan(1e-3);
    // Token by token, and after another text.
    gpt.logits([5, ...ids].slice(0, 9));
    let last = new Float32Array();
    for (let end = 1; end <= ids.length; end++) last = Float32Array.from(gpt.logits(ids.slice(0, end)));
    expect(furthest(last, wanted[index] ?? [])).toBeLessThan(1e-3);
  }
  expect(() => gpt.logits([])).toThrow(RangeError);
});

test("the GPT's tokenizer gives Python's ids", () => {
  const found = family("docstring-gpt");
  const texts = ["Return a list of", " leading", "tab\tnew\n\nline", "naïve 東京 👍🏽", "don't  x_y(z)", "<|endoftext|>a", "\u0000\u200b", "١٢٣ مرحبا"];
  const wanted = python<number[][]>(
    `${FOLDER("openai-community/gpt2")}
from transformers import AutoTokenizer
words = AutoTokenizer.from_pretrained(folder)
print(json.dumps([words(text)["input_ids"] for text in given]))`,
    texts,
  );
  const tokenizer = tokenizerOf(found);
  expect(texts.map((text) => tokenizer.encode(text).ids)).toEqual(wanted);
});

test("a run that came before is barred", () => {
  expect([...repeats([1, 2, 3, 1, 2], 3)]).toEqual([3]);
  expect([...repeats([1, 2], 3)]).toEqual([]);
  expect([...repeats([7, 7, 7], 2)]).toEqual([7]);
});

test("the noise that the UNet finds is diffusers', and so is each step", () => {
  const found = family("digit-diffusion");
  const config = found.settings<UnetConfig>("unet/config");
  const unet = new Unet(found.weights, config);
  const ddim = new Ddim(found.settings<DdimConfig>("scheduler/scheduler_config"));
  const next = random(9);
  const cases = [999, 500, 20, 0].map((time) => {
    const x = normal(next, config.sample_size ** 2);
    const noise = unet.noise(x, time);
    return { time, x, noise, fresh: normal(next, x.length) };
  });
  const wanted = python<{ noise: number[]; x: number[]; clear: number[]; times: number[] }[]>(
    `${FOLDER("google/ddpm-cifar10-32")}
from diffusers import DDIMPipeline
pipeline = DDIMPipeline.from_pretrained(folder)
pipeline.scheduler.set_timesteps(50)
found = []
for time, x, fresh in given:
    x, fresh = (torch.tensor(each).view(1, 1, 8, 8) for each in (x, fresh))
    noise = pipeline.unet(x, time).sample
    step = pipeline.scheduler.step(noise, time, x, eta=1.0, variance_noise=fresh)
    found.append({"noise": noise.flatten().tolist(), "x": step.prev_sample.flatten().tolist(),
        "clear": step.pred_original_sample.flatten().tolist(), "times": pipeline.scheduler.timesteps.tolist()})
print(json.dumps(found))`,
    cases.map(({ time, x, fresh }) => [time, [...x], [...fresh]]),
  );
  for (const [index, { time, x, noise, fresh }] of cases.entries()) {
    const python = wanted[index] as (typeof wanted)[number];
    expect(furthest(noise, python.noise)).toBeLessThan(1e-3);
    const stepped = ddim.step(x, noise, time, 50, 1, fresh);
    // Where nearly all is noise, the clear picture is a small difference scaled up.
    expect(furthest(stepped.x, python.x)).toBeLessThan(5e-3);
    expect(ddim.times(50)).toEqual(python.times);
  }
});

test("a scene's caption and scores are Python's", () => {
  const [one, two] = [family("scene-blip"), family("scene-clip")];
  const next = random(5);
  const side = 224;
  const labels = ["a blue star", "a red heart", "ein 東京 <img>", "x".repeat(30)];
  // Discs of any colour on pale paper, with hard edges, which ring most when a picture shrinks.
  const scenes = Array.from({ length: 12 }, () => {
    const [x, y, radius, ...colour] = Array.from({ length: 6 }, next) as [number, number, number, ...number[]];
    const pixels = new Uint8ClampedArray(side * side * 4).fill(235);
    for (let at = 0; at < side * side; at++) {
      const far = Math.hypot((at % side) / side - x, Math.floor(at / side) / side - y);
      if (far < 0.1 + 0.3 * radius) pixels.set(colour.map((part) => part * 255), at * 4);
    }
    return pixels;
  });
  const wanted = python<{ captions: string[]; scores: number[][]; small: number[][] }>(
    `${FOLDER("Salesforce/blip-image-captioning-base")}
import base64, numpy
from PIL import Image
from transformers import pipeline
other = hub.read_catalog(book)["openai/clip-vit-base-patch32"]
clip = hub.lay_out(book, [other]) / other.cache_name / "snapshots" / other.revision
pictures = [Image.fromarray(numpy.frombuffer(base64.b64decode(each), "uint8").reshape(${side}, ${side}, 4)[..., :3]) for each in given["scenes"]]
describe = pipeline("image-text-to-text", model=str(folder))
match = pipeline("zero-shot-image-classification", model=str(clip))
scores = []
for picture in pictures:
    found = {each["label"]: each["score"] for each in match(picture, candidate_labels=given["labels"])}
    scores.append([found[label] for label in given["labels"]])
captions = [describe(picture, text="", max_new_tokens=20)[0]["generated_text"] for picture in pictures]
small = [numpy.asarray(picture.resize((32, 32), Image.BICUBIC)).flatten().tolist() for picture in pictures]
print(json.dumps({"captions": captions, "scores": scores, "small": small}))`,
    { scenes: scenes.map((pixels) => Buffer.from(pixels).toString("base64")), labels },
  );
  const blip = new Blip(one.weights, one.settings<BlipConfig>("config"));
  const clip = new Clip(two.weights, two.settings<ClipConfig>("config"));
  const [spoken, read] = [tokenizerOf(one), tokenizerOf(two)];
  const sentences = labels.map((label) => clip.sentence(read.encode(`This is a photo of ${label}.`).ids));
  for (const [index, pixels] of scenes.entries()) {
    const small = resized(pixels, side, 32);
    expect([...small]).toEqual(wanted.small[index]);
    const ids = blip.caption(prepared(small, one.settings<Preparation>("preprocessor_config")), [], 20);
    expect(spoken.decode(ids, { skip_special_tokens: true })).toBe(wanted.captions[index]);
    const picture = clip.picture(prepared(small, two.settings<Preparation>("preprocessor_config")));
    const logits = sentences.map((sentence) => clip.scale * sentence.reduce((sum, value, at) => sum + value * (picture[at] as number), 0));
    expect(furthest(softmax(logits), wanted.scores[index] ?? [])).toBeLessThan(1e-3);
  }
});

test("a sound's spectrogram and words are Python's", () => {
  const found = family("number-whisper");
  const { feature_extractor: settings } = found.settings<{ feature_extractor: EarConfig }>("processor_config");
  const generation = found.settings<{ decoder_start_token_id: number; no_timestamps_token_id: number; max_length: number }>("generation_config");
  const next = random(12); // noise in which one word is likelier than all others: else rounding would choose
  const steps = new Int16Array(Uint8Array.from(served(manifest.extras["spoken-sum"] ?? "")).buffer);
  const sample = Float32Array.from(steps, (step) => step / 2 ** 15);
  const waves = [sample, sample.map((value) => value * 0.3), normal(next, 30_000).map((value) => value * 0.05), normal(next, 70_000), new Float32Array(100)];
  const wanted = python<{ text: string; features: number[] }[]>(
    `${FOLDER("openai/whisper-tiny.en")}
import base64, numpy, torch
from transformers import pipeline
listen = pipeline("automatic-speech-recognition", model=str(folder))
found = []
for each in given:
    wave = numpy.frombuffer(base64.b64decode(each), "float32")
    features = listen.feature_extractor(wave, sampling_rate=16000, return_tensors="np").input_features
    text = listen.tokenizer.decode(listen.model.generate(torch.tensor(features))[0], skip_special_tokens=True)
    if len(wave) <= 64_000:  # the pipeline cuts a longer one before its last window is full, not after
        text = listen({"raw": wave.copy(), "sampling_rate": 16000})["text"]
    found.append({"text": text, "features": features[0].T.flatten().tolist()})
print(json.dumps(found))`,
    waves.map((wave) => Buffer.from(wave.buffer).toString("base64")),
  );
  const ear = new Ear(settings);
  const whisper = new Whisper(found.weights, found.settings<WhisperConfig>("config"));
  const words = tokenizerOf(found);
  for (const [index, wave] of waves.entries()) {
    const seen = ear.hear(wave);
    const { text, features } = wanted[index] as (typeof wanted)[number];
    expect(furthest(seen, features)).toBeLessThan(1e-3);
    const ids = whisper.transcribe(seen, [generation.decoder_start_token_id, generation.no_timestamps_token_id], generation.max_length);
    // The tokenizer takes no empty list; silence has no words.
    expect(ids.length ? words.decode(ids, { skip_special_tokens: true }) : "").toBe(text);
  }
});
