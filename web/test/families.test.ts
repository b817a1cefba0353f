import { expect, test } from "vitest";
import { manifest } from "../src/manifest";
import { Ddim, type DdimConfig } from "../src/numerics/ddim";
import { Gpt, repeats, type GptConfig } from "../src/numerics/gpt";
import { normal, random } from "../src/numerics/random";
import { Unet, type UnetConfig } from "../src/numerics/unet";
import { half } from "../src/numerics/weights";
import { opened, tokenizerOf, type Family } from "../src/worker/family";
import { python, served } from "./files";

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
