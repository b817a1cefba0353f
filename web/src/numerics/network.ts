import { likeliest, softmax } from "./softmax";
import { random } from "./random";

/** 64 pixels -> ReLU -> ten digits: W1 (hidden, 64), b1, W2 (10, hidden), b2, row after row. */
export type Weights = [w1: Float32Array, b1: Float32Array, w2: Float32Array, b2: Float32Array];

export const PIXELS = 64;
export const DIGITS = 10;

export function hiddenOf(weights: Weights): number {
  return weights[1].length;
}

/** Uniform within ±1/√(inputs), which is what torch.nn.Linear begins with. */
export function initial(hidden: number, seed: number): Weights {
  const next = random(seed);
  const draw = (count: number, inputs: number) =>
    Float32Array.from({ length: count }, () => (2 * next() - 1) / Math.sqrt(inputs));
  return [draw(hidden * PIXELS, PIXELS), draw(hidden, PIXELS), draw(DIGITS * hidden, hidden), draw(DIGITS, hidden)];
}

/** One dense layer for one row, with nothing below `least`. */
function dense(weights: Float32Array, biases: Float32Array, x: ArrayLike<number>, least = -Infinity): Float64Array {
  const width = x.length;
  const sums = new Float64Array(biases.length);
  for (let row = 0; row < sums.length; row++) {
    let sum = biases[row] as number;
    for (let i = 0; i < width; i++) sum += (weights[row * width + i] as number) * (x[i] as number);
    sums[row] = Math.max(least, sum);
  }
  return sums;
}

/** Probabilities of the ten digits for pixels in 0 to 1. */
export function predict([w1, b1, w2, b2]: Weights, x: ArrayLike<number>): Float64Array {
  const inside = dense(w1, b1, x, 0);
  return softmax(dense(w2, b2, inside));
}

/** Mean loss in nats, and the gradients of it, of the shape of the weights. */
export function backpropagate(weights: Weights, x: ArrayLike<number>[], y: ArrayLike<number>): { loss: number; gradients: Weights } {
  const [w1, b1, w2, b2] = weights;
  const hidden = b1.length;
  const gradients = weights.map((each) => new Float32Array(each.length)) as Weights;
  const [g1, h1, g2, h2] = gradients;
  let loss = 0;
  x.forEach((row, index) => {
    const inside = dense(w1, b1, row, 0);
    const chances = softmax(dense(w2, b2, inside));
    const truth = y[index] as number;
    loss -= Math.log(Math.max(1e-300, chances[truth] as number)) / x.length;
    const back = new Float64Array(hidden);
    for (let digit = 0; digit < DIGITS; digit++) {
      const error = ((chances[digit] as number) - (digit === truth ? 1 : 0)) / x.length;
      h2[digit] = (h2[digit] as number) + error;
      const offset = digit * hidden;
      for (let i = 0; i < hidden; i++) {
        g2[offset + i] = (g2[offset + i] as number) + error * (inside[i] as number);
        back[i] = (back[i] as number) + error * (w2[offset + i] as number);
      }
    }
    for (let i = 0; i < hidden; i++) {
      if ((inside[i] as number) <= 0) continue;
      const error = back[i] as number;
      h1[i] = (h1[i] as number) + error;
      const offset = i * PIXELS;
      for (let p = 0; p < PIXELS; p++) g1[offset + p] = (g1[offset + p] as number) + error * (row[p] as number);
    }
  });
  return { loss, gradients };
}

/** Adam's memory: Kingma and Ba 2015, algorithm 1. */
export class Adam {
  private step = 0;
  private readonly first: Weights;
  private readonly second: Weights;

  constructor(
    weights: Weights,
    private readonly rate = 0.01,
  ) {
    this.first = weights.map((each) => new Float32Array(each.length)) as Weights;
    this.second = weights.map((each) => new Float32Array(each.length)) as Weights;
  }

  /** Move the weights, in place, one step down. */
  apply(weights: Weights, gradients: Weights): void {
    this.step++;
    const [bias1, bias2] = [1 - 0.9 ** this.step, 1 - 0.999 ** this.step];
    weights.forEach((values, part) => {
      const [m, v, g] = [this.first[part], this.second[part], gradients[part]] as [Float32Array, Float32Array, Float32Array];
      for (let i = 0; i < values.length; i++) {
        const slope = g[i] as number;
        m[i] = 0.9 * (m[i] as number) + 0.1 * slope;
        v[i] = 0.999 * (v[i] as number) + 0.001 * slope * slope;
        const move = (m[i] as number) / bias1 / (Math.sqrt((v[i] as number) / bias2) + 1e-8);
        values[i] = (values[i] as number) - this.rate * move;
      }
    });
  }
}

/** Share of the rows whose likeliest digit is the true one. */
export function score(weights: Weights, x: ArrayLike<number>[], y: ArrayLike<number>): number {
  let right = 0;
  x.forEach((row, index) => {
    if (likeliest(predict(weights, row)) === y[index]) right++;
  });
  return right / x.length;
}
