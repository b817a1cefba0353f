/** The calculators of pages 9.5 and 9.6: the sums of the snippets, whose docstrings name the sources. */
export interface TrainingFigures {
  /** Peak in FLOP a second, share kept busy (low, middle, high), watts. */
  gpus: Record<string, [number, [number, number, number], number]>;
  leavesOut: string;
  /** Bytes of a frozen weight and of one that learns. */
  methods: Record<string, [number, number]>;
}

export interface ServingFigures {
  prices: Record<string, number>;
  /** Hours in a month. */
  hours: number;
}

/** An input that can't be; the text says what it should be. */
export class WrongInput extends Error {}

export function number(name: string, value: number, low: number, high: number): number {
  if (!Number.isFinite(value) || value < low || value > high) {
    throw new WrongInput(`“${name}” takes a number from ${low.toLocaleString("en-US")} to ${power(high)}.`);
  }
  return value;
}

function power(value: number): string {
  return value < 1e6 ? value.toLocaleString("en-US") : value.toExponential().replace("e+", "e");
}

/** GPU-hours (low, middle, high). */
export function trainingGpuHours(
  figures: TrainingFigures,
  parameters: number,
  tokens: number,
  gpu: string,
  utilisation?: number,
): [number, number, number] {
  number("Parameters", parameters, 1, 1e15);
  number("Tokens", tokens, 1, 1e18);
  const known = figures.gpus[gpu];
  if (!known) throw new WrongInput(`There is no figure for that GPU; take ${Object.keys(figures.gpus).join(", ")}.`);
  let [peak, [low, middle, high]] = known;
  if (utilisation !== undefined) low = middle = high = number("Share of the peak", utilisation, 0.001, 1);
  const hours = (6 * parameters * tokens) / peak / 3600;
  return [hours / high, hours / middle, hours / low];
}

export interface Bill {
  dollars: number;
  kwh: number;
  kg: number;
}

export function trainingBill(
  figures: TrainingFigures,
  hours: number,
  gpu: string,
  price: number,
  pue: number,
  carbon: number,
): Bill {
  number("Price", price, 0, 1e6);
  number("PUE", pue, 1, 10);
  number("Carbon", carbon, 0, 10);
  const kwh = ((hours * (figures.gpus[gpu]?.[2] ?? 0)) / 1000) * pue;
  return { dollars: hours * price, kwh, kg: kwh * carbon };
}

export interface Shape {
  layers: number;
  width: number;
  heads: number;
  context: number;
  batch: number;
  checkpointing: boolean;
  rank: number;
  adapted: number;
  fused: boolean;
}

export interface Memory {
  states: number;
  activations: number;
  total: number;
}

/** GB of 10^9 bytes. */
export function trainingMemory(figures: TrainingFigures, parameters: number, method: string, shape: Shape): Memory {
  const known = figures.methods[method];
  if (!known) throw new WrongInput(`There is no such method; take ${Object.keys(figures.methods).join(", ")}.`);
  number("Parameters", parameters, 1, 1e15);
  const width = number("Width", shape.width, 1, 1e6);
  const layers = number("Layers", shape.layers, 1, 1e4);
  const heads = number("Heads", shape.heads, 1, 1e4);
  const context = number("Context", shape.context, 1, 1e8);
  const batch = number("Batch", shape.batch, 1, 1e6);
  const [frozen, learning] = known;
  let states = learning * parameters;
  if (frozen) {
    const adapters = 2 * number("Rank", shape.rank, 1, 1e5) * width * layers * number("Adapted", shape.adapted, 1, 100);
    states = frozen * parameters + learning * adapters;
  }
  const scores = shape.fused ? 0 : (5 * heads * context) / width;
  const layer = (context * batch * width * (34 + scores) * 2) / 2;
  const kept = context * batch * width * 2;
  const activations = shape.checkpointing ? layers * kept + layer : layers * layer;
  return { states: states / 1e9, activations: activations / 1e9, total: (states + activations) / 1e9 };
}

/** GB of 10^9 bytes for weights, cache, and both. */
export function servingMemory(
  parameters: number,
  layers: number,
  kvHeads: number,
  headDimension: number,
  context: number,
  batch: number,
  weightBits: number,
  cacheBits: number,
): { weights: number; cache: number; total: number } {
  const named = { Parameters: parameters, Layers: layers, "KV heads": kvHeads, "Head dimension": headDimension };
  const more = { Context: context, "Requests at once": batch, "Bits of a weight": weightBits, "Bits of the cache": cacheBits };
  for (const [name, value] of Object.entries({ ...named, ...more })) number(name, value, 1, 1e15);
  const weights = (parameters * weightBits) / 8;
  const perToken = (2 * layers * kvHeads * headDimension * cacheBits) / 8;
  const cache = perToken * context * batch;
  return { weights: weights / 1e9, cache: cache / 1e9, total: (weights + cache) / 1e9 };
}

export type Way = "API" | "own server" | "fine-tuned";

/** $ of one month for each way; `read` and `written` are tokens of one request. */
export function monthlyBill(
  { hours }: ServingFigures,
  prices: Record<string, number>,
  requests: number,
  read: number,
  written: number,
): Record<Way, number> {
  number("Requests", requests, 0, 1e15);
  number("Tokens read", read, 0, 1e15);
  number("Tokens written", written, 1, 1e15);
  const price = (name: string, low = 0): number => number(name, prices[name] ?? Number.NaN, low, 1e15);
  const servers = (size: string): number => {
    const most = price(size, 0.001) * hours * 3600;
    return Math.max(1, Math.ceil((requests * written) / most)) * price("server") * hours;
  };
  return {
    API: (requests * (read * price("input") + written * price("output"))) / 1e6,
    "own server": servers("large"),
    "fine-tuned": servers("small") + price("training"),
  };
}

/** Requests a month from which `way` costs no more than the API; undefined if it never does. */
export function breakEven(
  figures: ServingFigures,
  prices: Record<string, number>,
  way: "own server" | "fine-tuned",
  read: number,
  written: number,
): number | undefined {
  const bills = monthlyBill(figures, prices, 1, read, written);
  const size = prices[way === "own server" ? "large" : "small"] ?? Number.NaN;
  const room = Math.floor((size * figures.hours * 3600) / written);
  for (let servers = 1; servers <= 1000; servers++) {
    const fixed = bills[way] + (servers - 1) * (prices["server"] ?? Number.NaN) * figures.hours;
    const needed = Math.ceil(fixed / bills.API);
    if (bills.API > 0 && needed <= servers * room) return Math.max(needed, (servers - 1) * room + 1);
  }
  return undefined;
}

export function requestsUntilServingOvertakes(tokens: number, tokensPerRequest: number): number {
  number("Training tokens", tokens, 1, 1e18);
  number("Tokens a request", tokensPerRequest, 1, 1e15);
  return (3 * tokens) / tokensPerRequest;
}
