/** A network small enough to train while you look, on scikit-learn's digits and on the reader's own. */
import { manifest } from "../manifest";
import { Adam, backpropagate, hiddenOf, initial, PIXELS, predict, score, type Weights } from "../numerics/network";
import { bytesOf, quantise } from "../numerics/quantise";
import { Problem } from "../problem";
import { download } from "./download";
import type { Context } from "./room";

export interface Digits {
  x: Float32Array[];
  y: Uint8Array;
  xTest: Float32Array[];
  yTest: Uint8Array;
  trained: Weights;
}

/** Read what `toolkit/export.py` wrote; pixels come out in 0 to 1. */
export function parse(content: Uint8Array): Digits {
  const plain = content.slice();
  const [count = 0, testCount = 0] = new Uint32Array(plain.buffer, 0, 2);
  let offset = 8;
  const take = (length: number): Uint8Array => plain.subarray(offset, (offset += length));
  const rows = (length: number): Float32Array[] => {
    const pixels = take(length * PIXELS);
    return Array.from({ length }, (_, row) => Float32Array.from(pixels.subarray(row * PIXELS, (row + 1) * PIXELS), (p) => p / 16));
  };
  const [x, y, xTest, yTest] = [rows(count), take(count), rows(testCount), take(testCount)];
  offset = Math.ceil(offset / 4) * 4;
  const rest = new Float32Array(plain.buffer, offset);
  const hidden = (rest.length - 10) / (PIXELS + 1 + 10);
  const ends = [0, hidden * PIXELS, hidden * (PIXELS + 1), hidden * (PIXELS + 11), rest.length];
  const trained = [0, 1, 2, 3].map((part) => rest.slice(ends[part], ends[part + 1])) as Weights;
  return { x, y, xTest, yTest, trained };
}

let digits: Promise<Digits> | undefined;

function open({ progress, signal }: Context): Promise<Digits> {
  digits ??= download([manifest.digits], progress, signal).then(([content]) => parse(content as Uint8Array));
  digits.catch(() => {
    digits = undefined;
  });
  return digits;
}

function loaded(): Promise<Digits> {
  if (!digits) throw new Problem("bug", "the digits are used before they are loaded");
  return digits;
}

/** What is known of a network that is being trained. */
export interface Progressed {
  step: number;
  loss: number;
  accuracy: number;
  weights: Weights;
  milliseconds: number;
}

interface Forge {
  weights: Weights;
  adam: Adam;
  step: number;
  milliseconds: number;
  own: { x: Float32Array[]; y: number[] };
}

const forges = new Map<string, Forge>();

export async function load(_: null, context: Context): Promise<{ trained: Weights; accuracy: number; images: number; tests: number }> {
  const { x, xTest, yTest, trained } = await open(context);
  return { trained, accuracy: score(trained, xTest, yTest), images: x.length, tests: xTest.length };
}

/** Random weights under a name; the reader's own drawings stay. */
export async function reset({ name, seed }: { name: string; seed: number }): Promise<Progressed> {
  const { trained } = await loaded();
  const weights = initial(hiddenOf(trained), seed);
  const own = forges.get(name)?.own ?? { x: [], y: [] };
  forges.set(name, { weights, adam: new Adam(weights), step: 0, milliseconds: 0, own });
  return measure(name);
}

/** `count` steps, each on all images; the reader's drawings weigh as much as a tenth of the others. */
export async function steps({ name, count }: { name: string; count: number }): Promise<Progressed> {
  const forge = get(name);
  const { x, y } = await loaded();
  const copies = forge.own.x.length ? Math.ceil(x.length / 10 / forge.own.x.length) : 0;
  const images = [...x, ...Array.from({ length: copies }, () => forge.own.x).flat()];
  const labels = [...y, ...Array.from({ length: copies }, () => forge.own.y).flat()];
  for (let done = 0; done < count; done++) {
    const begun = performance.now();
    const { gradients } = backpropagate(forge.weights, images, labels);
    forge.adam.apply(forge.weights, gradients);
    forge.step++;
    forge.milliseconds += performance.now() - begun;
  }
  return measure(name);
}

/** Let the network learn a drawing too. Returns how many there are. */
export function keep({ name, pixels, digit }: { name: string; pixels: Float32Array; digit: number }): number {
  const { own } = get(name);
  own.x.push(pixels);
  own.y.push(digit);
  return own.x.length;
}

/** Probabilities of the ten digits: by the network under a name, and by the one that came trained. */
export async function ask({ name, pixels }: { name: string; pixels: Float32Array }): Promise<{ yours: Float64Array; trained: Float64Array }> {
  const { trained } = await loaded();
  return { yours: predict(get(name).weights, pixels), trained: predict(trained, pixels) };
}

/** One of the images held back. */
export async function image({ index }: { index: number }): Promise<{ pixels: Float32Array; digit: number }> {
  const { xTest, yTest } = await loaded();
  const pixels = xTest[index];
  if (!pixels) throw new Problem("bug", `there is no test image ${index}`);
  return { pixels, digit: yTest[index] as number };
}

function get(name: string): Forge {
  const found = forges.get(name);
  if (!found) throw new Problem("bug", `there is no network ${name}`);
  return found;
}

async function measure(name: string): Promise<Progressed> {
  const { step, weights, milliseconds } = get(name);
  const { xTest, yTest } = await loaded();
  let loss = 0;
  xTest.forEach((row, index) => {
    loss -= Math.log(Math.max(1e-300, predict(weights, row)[yTest[index] as number] as number)) / xTest.length;
  });
  return { step, loss, accuracy: score(weights, xTest, yTest), weights, milliseconds };
}

export interface Rung {
  bits: number;
  weights: Weights;
  bytes: number;
  /** On the test images, computed with the rounded weights. */
  accuracy: number;
  right: number;
  tests: number;
}

/** The trained network with its weights in fewer bits. */
export async function rung({ bits }: { bits: number }): Promise<Rung> {
  const { trained, xTest, yTest } = await loaded();
  const weights = trained.map((each) => quantise(each, bits)) as Weights;
  const accuracy = score(weights, xTest, yTest);
  return { bits, weights, bytes: bytesOf(trained, bits), accuracy, right: Math.round(accuracy * xTest.length), tests: xTest.length };
}
