import { add, dot, minimise } from "./lbfgs";
import { likeliest, softmax } from "./softmax";

/** A linear classifier: one row of weights and one bias for each class. */
export interface Head {
  weights: Float64Array[];
  biases: Float64Array;
}

/** One point of the learning curve: the mean loss of a row, in nats. */
export interface Point {
  loss: number;
  held: number | undefined;
}

/** Logits of one row: weights · x + biases. */
export function logits({ weights, biases }: Head, x: ArrayLike<number>): Float64Array {
  const sums = biases.slice();
  for (let c = 0; c < sums.length; c++) sums[c] = (sums[c] as number) + dot(weights[c] as Float64Array, x);
  return sums;
}

/** The mean of -log(probability of the true class), in nats; undefined for no rows. */
export function meanLoss(head: Head, x: ArrayLike<number>[], y: number[]): number | undefined {
  if (x.length === 0) return undefined;
  const losses = x.map((row, index) => -Math.log(Math.max(1e-300, softmax(logits(head, row))[y[index] as number] as number)));
  return losses.reduce((sum, each) => sum + each, 0) / x.length;
}

export function accuracy(head: Head, x: ArrayLike<number>[], y: number[]): number {
  return x.filter((row, index) => likeliest(logits(head, row)) === y[index]).length / x.length;
}

/** An orthonormal basis of what the rows span: Gram and Schmidt, twice over for the digits' sake. */
function basisOf(x: ArrayLike<number>[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const row of x) {
    const rest = Float64Array.from(row);
    const size = Math.sqrt(dot(rest, rest));
    for (let pass = 0; pass < 2; pass++) for (const direction of basis) add(rest, -dot(direction, rest), direction);
    const left = Math.sqrt(dot(rest, rest));
    if (left > 1e-9 * size) basis.push(rest.map((each) => each / left));
  }
  return basis;
}

/**
 * `fit` for fewer rows than columns, an order of magnitude faster with a handful of examples.
 *
 * The best weights are sums of rows, since what is at right angles to every row changes no logit and costs
 * |weights|². So the rows are turned onto a basis of their span, as wide as there are rows, and the weights back.
 */
function fitInSpan(...[x, y, classes, strength, held]: Required<Parameters<typeof fit>>): ReturnType<typeof fit> {
  const basis = basisOf(x);
  const turned = (rows: ArrayLike<number>[]) => rows.map((row) => Float64Array.from(basis, (direction) => dot(direction, row)));
  const { head, curve } = fit(turned(x), y, classes, strength, { x: turned(held.x), y: held.y });
  const weights = head.weights.map((row) => {
    const back = new Float64Array(x[0]?.length ?? 0);
    basis.forEach((direction, index) => add(back, row[index] as number, direction));
    return back;
  });
  return { head: { weights, biases: head.biases }, curve };
}

/**
 * Multinomial logistic regression: minimises strength · (sum of the losses) + |weights|² / 2, biases free,
 * which is scikit-learn's `LogisticRegression(C=strength)`.
 *
 * x holds rows of equal width, y a class from 0 to classes - 1 for each. Of two classes only the second has
 * weights, as in scikit-learn, since the first would say the same again with its sign turned.
 */
export function fit(
  x: ArrayLike<number>[],
  y: number[],
  classes: number,
  strength: number,
  held: { x: ArrayLike<number>[]; y: number[] } = { x: [], y: [] },
): { head: Head; curve: Point[] } {
  const width = x[0]?.length ?? 0;
  if (x.length < width) return fitInSpan(x, y, classes, strength, held);
  const first = classes === 2 ? 1 : 0;
  const rows = classes - first;

  const unpack = (at: Float64Array): Head => ({
    weights: Array.from({ length: classes }, (_, c) =>
      c < first ? new Float64Array(width) : at.slice((c - first) * width, (c - first + 1) * width),
    ),
    biases: Float64Array.from({ length: classes }, (_, c) => (c < first ? 0 : (at[rows * width + c - first] as number))),
  });

  const objective = (at: Float64Array, gradient: Float64Array): number => {
    const head = unpack(at);
    let value = 0;
    for (let i = 0; i < rows * width; i++) {
      gradient[i] = at[i] as number;
      value += (at[i] as number) ** 2 / 2;
    }
    gradient.fill(0, rows * width);
    x.forEach((row, index) => {
      const truth = y[index] as number;
      const chances = softmax(logits(head, row));
      value -= strength * Math.log(Math.max(1e-300, chances[truth] as number));
      for (let c = first; c < classes; c++) {
        const error = strength * ((chances[c] as number) - (c === truth ? 1 : 0));
        const offset = (c - first) * width;
        for (let i = 0; i < width; i++) gradient[offset + i] = (gradient[offset + i] as number) + error * (row[i] as number);
        gradient[rows * width + c - first] = (gradient[rows * width + c - first] as number) + error;
      }
    });
    return value;
  };

  const curve: Point[] = [];
  const found = minimise(objective, new Float64Array(rows * (width + 1)), (at) => {
    const head = unpack(at);
    curve.push({ loss: meanLoss(head, x, y) ?? 0, held: meanLoss(head, held.x, held.y) });
  });
  return { head: unpack(found), curve };
}
