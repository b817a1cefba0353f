import { expect, test } from "vitest";
import { fit, logits, meanLoss } from "../src/numerics/logistic";
import { random } from "../src/numerics/random";
import { softmax } from "../src/numerics/softmax";
import { heldBack, train } from "../src/worker/head";
import { python } from "./files";

/** Rows that lean towards their class, with noise. */
function rows(count: number, width: number, classes: number, seed: number): { x: number[][]; y: number[] } {
  const next = random(seed);
  const y = Array.from({ length: count }, (_, index) => index % classes);
  const x = y.map((label) => Array.from({ length: width }, (_, i) => (next() - 0.5) * 0.4 + (i % classes === label ? 0.1 : 0)));
  return { x, y };
}

/** The same rows again, so that they span less than their number. */
function twice({ x, y }: { x: number[][]; y: number[] }): { x: number[][]; y: number[] } {
  return { x: [...x, ...x], y: [...y, ...y] };
}

const SKLEARN = `import json, sys
from sklearn.linear_model import LogisticRegression
answers = []
for case in json.load(sys.stdin):
    head = LogisticRegression(C=case["strength"], max_iter=5000, tol=1e-8).fit(case["x"], case["y"])
    answers.append([head.coef_.tolist(), head.intercept_.tolist(), head.predict_proba(case["x"]).tolist()])
print(json.dumps(answers))`;

test("a head is scikit-learn's to 1e-3", () => {
  const cases = [
    { ...rows(20, 384, 2, 1), classes: 2, strength: 10 },
    { ...rows(20, 384, 3, 2), classes: 3, strength: 10 },
    { ...rows(60, 50, 5, 3), classes: 5, strength: 1 },
    { ...rows(9, 8, 3, 4), classes: 3, strength: 100 },
    { ...twice(rows(10, 64, 2, 6)), classes: 2, strength: 10 },
  ];
  const wanted = python<[number[][], number[], number[][]][]>(SKLEARN, cases);
  cases.forEach(({ x, y, classes, strength }, index) => {
    const { head, curve } = fit(x, y, classes, strength);
    const [coefficients, intercepts, chances] = wanted[index] as (typeof wanted)[number];
    const first = classes === 2 ? 1 : 0;
    coefficients.forEach((row, c) => {
      row.forEach((value, i) => expect(Math.abs((head.weights[c + first]?.[i] ?? NaN) - value)).toBeLessThan(1e-3));
    });
    // Of softmax's biases only the differences count.
    const shift = (head.biases[first] ?? NaN) - (intercepts[0] ?? NaN);
    intercepts.forEach((value, c) => {
      const ours = (head.biases[c + first] ?? NaN) - (classes === 2 ? 0 : shift);
      expect(Math.abs(ours - value)).toBeLessThan(1e-3);
    });
    x.forEach((row, r) => {
      softmax(logits(head, row)).forEach((chance, c) => expect(Math.abs(chance - (chances[r]?.[c] ?? NaN))).toBeLessThan(1e-3));
    });
    expect(curve[0]?.loss).toBeCloseTo(Math.log(classes), 10);
    expect(curve.at(-1)?.loss).toBeCloseTo(meanLoss(head, x, y) ?? NaN, 10);
  });
});

test("the objective never rises, and what is held back is never learnt from", () => {
  const { x, y } = rows(40, 20, 4, 5);
  const back = heldBack(y);
  expect(back.filter(Boolean).length).toBe(8);
  const { held, curve } = train({ x: x.map((row) => Float32Array.from(row)), y, classes: 4 });
  expect(held?.count).toBe(8);
  // Fitted without them, the curve is the same whatever stands in their place.
  const other = x.map((row, index) => Float32Array.from(back[index] ? row.map((each) => -each) : row));
  const again = train({ x: other, y, classes: 4 });
  expect(again.curve.map(({ loss }) => loss)).toEqual(curve.map(({ loss }) => loss));
  expect(again.curve.at(-1)?.held).not.toBeCloseTo(curve.at(-1)?.held ?? NaN, 6);
  expect(heldBack([0, 0, 1, 1])).toEqual([false, false, false, false]);
});

test("softmax gives probabilities, however large the logits", () => {
  for (const given of [[1, 2, 3], [1000, 999, -1000], [-1e308, 0, 1e308], [5]]) {
    const chances = softmax(given);
    expect(chances.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 12);
    expect(chances.every((each) => each >= 0 && each <= 1)).toBe(true);
  }
  const [a, b] = [softmax([1, 2, 3]), softmax([11, 12, 13])];
  a.forEach((each, index) => expect(each).toBeCloseTo(b[index] ?? NaN, 12));
});
