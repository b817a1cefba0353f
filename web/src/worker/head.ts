/** Trains a head on vectors that a frozen model made. */
import { accuracy, fit, type Head, type Point } from "../numerics/logistic";

export interface Fitted {
  /** Fitted on all examples. */
  head: Head;
  /** Of the fit without those held back. */
  curve: Point[];
  /** Share of those held back that came out right, and their number; undefined if none could be held back. */
  held: { accuracy: number; count: number } | undefined;
  /** Both fits. */
  milliseconds: number;
}

/** The `LogisticRegression(C=10)` of the chapter's own transfer learning. */
export const STRENGTH = 10;

/** Which examples to hold back: of each class with three or more every fifth, so that the same come again. */
export function heldBack(y: number[]): boolean[] {
  const size = new Map<number, number>();
  for (const label of y) size.set(label, (size.get(label) ?? 0) + 1);
  const seen = new Map<number, number>();
  return y.map((label) => {
    const index = seen.get(label) ?? 0;
    seen.set(label, index + 1);
    return (size.get(label) ?? 0) >= 3 && index % 5 === 2;
  });
}

export function train({ x, y, classes }: { x: Float32Array[]; y: number[]; classes: number }): Fitted {
  const back = heldBack(y);
  const part = (wanted: boolean) => ({
    x: x.filter((_, index) => back[index] === wanted),
    y: y.filter((_, index) => back[index] === wanted),
  });
  const [kept, held] = [part(false), part(true)];
  const begun = performance.now();
  const judged = fit(kept.x, kept.y, classes, STRENGTH, held);
  const { head } = held.x.length ? fit(x, y, classes, STRENGTH) : judged;
  const milliseconds = performance.now() - begun;
  const score = held.x.length ? { accuracy: accuracy(judged.head, held.x, held.y), count: held.x.length } : undefined;
  return { head, curve: judged.curve, held: score, milliseconds };
}
