/**
 * The layers that networks of the book are built of, forward only, in single precision.
 *
 * Activations lie in rows: one token, pixel or moment after another, all channels of it together.
 */
import type { Weights } from "./weights";

/** Rows in, rows out. */
export type Layer = (x: Float32Array) => Float32Array;

/** A dense layer `name`, with its bias if there is one. GPT-2 keeps matrices the other way round: `turned`. */
export function dense(weights: Weights, name: string, turned = false): Layer {
  const stored = weights.get(`${name}.weight`);
  const [rows, columns] = sizes(weights, name);
  const bias = weights.has(`${name}.bias`) ? weights.get(`${name}.bias`) : undefined;
  if (turned) return product(transposed(stored, rows, columns), bias, rows);
  return product(stored, bias, columns);
}

function sizes(weights: Weights, name: string): [rows: number, columns: number] {
  const [rows = 1, ...rest] = weights.shape(`${name}.weight`);
  return [rows, rest.reduce((a, b) => a * b, 1)];
}

export function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = matrix[row * columns + column] as number;
  }
  return turned;
}

/** y = x Wᵀ + b, for W of rows of length `width`. Four outputs at a time, so that each x is read once for four. */
export function product(matrix: Float32Array, bias: Float32Array | undefined, width: number): Layer {
  const outputs = matrix.length / width;
  return (x) => {
    const rows = x.length / width;
    const y = new Float32Array(rows * outputs);
    const whole = outputs - (outputs % 4);
    for (let out = 0; out < outputs; out += 4) {
      const a = out * width;
      // What has no three neighbours left is done by itself.
      const alone = out >= whole;
      for (let row = 0; row < rows; row++) {
        const from = row * width;
        const to = row * outputs + out;
        if (alone) {
          for (let each = out; each < outputs; each++) {
            let sum = bias ? (bias[each] as number) : 0;
            for (let i = 0, w = each * width; i < width; i++, w++) sum += (x[from + i] as number) * (matrix[w] as number);
            y[row * outputs + each] = sum;
          }
          continue;
        }
        let first = 0;
        let second = 0;
        let third = 0;
        let fourth = 0;
        for (let i = 0, b = a + width, c = b + width, d = c + width; i < width; i++) {
          const value = x[from + i] as number;
          first += value * (matrix[a + i] as number);
          second += value * (matrix[b + i] as number);
          third += value * (matrix[c + i] as number);
          fourth += value * (matrix[d + i] as number);
        }
        y[to] = bias ? first + (bias[out] as number) : first;
        y[to + 1] = bias ? second + (bias[out + 1] as number) : second;
        y[to + 2] = bias ? third + (bias[out + 2] as number) : third;
        y[to + 3] = bias ? fourth + (bias[out + 3] as number) : fourth;
      }
    }
    return y;
  };
}

/** Each row to mean 0 and variance 1, then scaled and shifted: Ba et al. 2016. */
export function layerNorm(weights: Weights, name: string, epsilon: number): Layer {
  const scale = weights.get(`${name}.weight`);
  const shift = weights.get(`${name}.bias`);
  const width = scale.length;
  return (x) => {
    const y = new Float32Array(x.length);
    for (let from = 0; from < x.length; from += width) {
      const [mean, spread] = moments(x, from, width, width, 1, epsilon);
      for (let i = 0; i < width; i++) {
        y[from + i] = (((x[from + i] as number) - mean) / spread) * (scale[i] as number) + (shift[i] as number);
      }
    }
    return y;
  };
}

/** The same within groups of channels, over all pixels of one picture: Wu and He 2018. */
export function groupNorm(weights: Weights, name: string, groups: number, epsilon: number): Layer {
  const scale = weights.get(`${name}.weight`);
  const shift = weights.get(`${name}.bias`);
  const channels = scale.length;
  const width = channels / groups;
  return (x) => {
    const y = new Float32Array(x.length);
    const rows = x.length / channels;
    for (let group = 0; group < channels; group += width) {
      const [mean, spread] = moments(x, group, width, channels, rows, epsilon);
      for (let row = 0; row < rows; row++) {
        for (let channel = group; channel < group + width; channel++) {
          const at = row * channels + channel;
          y[at] = (((x[at] as number) - mean) / spread) * (scale[channel] as number) + (shift[channel] as number);
        }
      }
    }
    return y;
  };
}

/** Mean and standard deviation of `rows` runs of `width` numbers, one each `stride`. */
function moments(x: Float32Array, from: number, width: number, stride: number, rows: number, epsilon: number): [number, number] {
  let sum = 0;
  for (let row = 0; row < rows; row++) for (let i = 0; i < width; i++) sum += x[from + row * stride + i] as number;
  const mean = sum / (rows * width);
  let squares = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) squares += ((x[from + row * stride + i] as number) - mean) ** 2;
  }
  return [mean, Math.sqrt(squares / (rows * width) + epsilon)];
}

export interface Attending {
  heads: number;
  /** Whether a row sees only itself and what stands before it. */
  causal?: boolean;
}

/**
 * Scaled dot-product attention: Vaswani et al. 2017, section 3.2.
 *
 * `query` has the last rows of those that `keys` and `values` have, or any number where it is not causal.
 */
export function attention(
  query: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  width: number,
  { heads, causal = false }: Attending,
): Float32Array {
  const [rows, others, depth] = [query.length / width, keys.length / width, width / heads];
  const mixed = new Float32Array(query.length);
  const scores = new Float64Array(others);
  for (let row = 0; row < rows; row++) {
    const seen = causal ? others - rows + row + 1 : others;
    for (let head = 0; head < width; head += depth) {
      const q = row * width + head;
      let largest = -Infinity;
      for (let other = 0; other < seen; other++) {
        let score = 0;
        for (let i = 0, k = other * width + head; i < depth; i++) score += (query[q + i] as number) * (keys[k + i] as number);
        scores[other] = score / Math.sqrt(depth);
        largest = Math.max(largest, scores[other] as number);
      }
      let sum = 0;
      for (let other = 0; other < seen; other++) sum += scores[other] = Math.exp((scores[other] as number) - largest);
      for (let i = 0; i < depth; i++) {
        let value = 0;
        for (let other = 0; other < seen; other++) value += (scores[other] as number) * (values[other * width + head + i] as number);
        mixed[q + i] = value / sum;
      }
    }
  }
  return mixed;
}

/** x + y, into x. */
export function add(x: Float32Array, y: Float32Array): Float32Array {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) + (y[i] as number);
  return x;
}

/** Rows of a table, one after another. */
export function rowsOf(table: Float32Array, width: number, which: number[]): Float32Array {
  const rows = new Float32Array(which.length * width);
  which.forEach((row, index) => rows.set(table.subarray(row * width, (row + 1) * width), index * width));
  return rows;
}

/** erf(x), off by 1.5e-7 at most: Abramowitz and Stegun 1964, formula 7.1.26. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** By the names that transformers' configurations give them. */
const ACTIVATIONS: Record<string, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  silu: (x) => x / (1 + Math.exp(-x)),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
};

/** Raises an Error for a name that no model of the book uses. */
export function activation(name: string): Layer {
  const found = ACTIVATIONS[name];
  if (!found) throw new Error(`no activation ${name}`);
  return (x) => x.map(found);
}
