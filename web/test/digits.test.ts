import { expect, test } from "vitest";
import { manifest } from "../src/manifest";
import { Adam, backpropagate, initial, predict, score } from "../src/numerics/network";
import { bytesOf, quantise } from "../src/numerics/quantise";
import { parse } from "../src/worker/digits";
import { served } from "./files";

const digits = parse(new Uint8Array(served(manifest.digits)));

test("the file holds all 1,797 digits and a network that reads them", () => {
  expect([digits.x.length, digits.y.length, digits.xTest.length, digits.yTest.length]).toEqual([1437, 1437, 360, 360]);
  expect(new Set(digits.y).size).toBe(10);
  expect(digits.x.every((row) => row.every((pixel) => pixel >= 0 && pixel <= 1))).toBe(true);
  expect(score(digits.trained, digits.xTest, digits.yTest)).toBeGreaterThan(0.95);
});

test("the gradients are the slopes of the loss", () => {
  const weights = initial(8, 3);
  const [x, y] = [digits.x.slice(0, 20), digits.y.slice(0, 20)];
  const { gradients } = backpropagate(weights, x, y);
  for (const part of [0, 1, 2, 3]) {
    const values = weights[part] as Float32Array;
    for (let i = 0; i < values.length; i += Math.ceil(values.length / 7)) {
      const old = values[i] as number;
      const step = 1e-3;
      values[i] = old + step;
      const above = backpropagate(weights, x, y).loss;
      values[i] = old - step;
      const below = backpropagate(weights, x, y).loss;
      values[i] = old;
      expect(gradients[part]?.[i]).toBeCloseTo((above - below) / (2 * step), 3);
    }
  }
});

test("a hundred steps from random weights read nine digits of ten", () => {
  const weights = initial(32, 1);
  expect(score(weights, digits.xTest, digits.yTest)).toBeLessThan(0.4);
  const adam = new Adam(weights);
  for (let step = 0; step < 100; step++) adam.apply(weights, backpropagate(weights, digits.x, digits.y).gradients);
  expect(score(weights, digits.xTest, digits.yTest)).toBeGreaterThan(0.9);
  expect(predict(weights, digits.x[0] ?? []).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 10);
});

test("rounding keeps zero, signs and the largest, within half a step", () => {
  const weights = digits.trained[0];
  const largest = Math.max(...weights.map(Math.abs));
  for (const bits of [2, 3, 4, 5, 6, 8]) {
    const rounded = quantise(weights, bits);
    const scale = largest / (2 ** (bits - 1) - 1);
    expect(new Set(rounded).size).toBeLessThanOrEqual(2 ** bits - 1);
    rounded.forEach((each, index) => {
      const exact = weights[index] as number;
      expect(Math.abs(each - exact)).toBeLessThanOrEqual(scale / 2 + 1e-6);
      expect(each * exact).toBeGreaterThanOrEqual(0);
    });
    expect(Math.max(...rounded.map(Math.abs))).toBeCloseTo(largest, 5);
    expect(quantise(rounded, bits)).toEqual(rounded);
  }
  expect(quantise(weights, 32)).toEqual(weights);
  expect(quantise(new Float32Array(3), 4)).toEqual(new Float32Array(3));
});

test("16 bit is IEEE half precision", () => {
  const exact = Float32Array.from([1, -2.5, 0.333251953125, 65504, 6.103515625e-5, 0.1, 1e-9, 1e6]);
  const wanted = [1, -2.5, 0.333251953125, 65504, 6.103515625e-5, 0.0999755859375, 0, 65504];
  expect([...quantise(exact, 16)]).toEqual(wanted.map(Math.fround));
});

test("fewer bits take fewer bytes", () => {
  const sizes = [32, 16, 8, 6, 5, 4, 3, 2].map((bits) => bytesOf(digits.trained, bits));
  expect(sizes[0]).toBe(2410 * 4);
  sizes.slice(1).forEach((size, index) => expect(size).toBeLessThan(sizes[index] as number));
});
