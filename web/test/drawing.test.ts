import { expect, test } from "vitest";
import { pixelsOf, type Point } from "../src/numerics/drawing";
import { predict } from "../src/numerics/network";
import { manifest } from "../src/manifest";
import { parse } from "../src/worker/digits";
import { likeliest } from "../src/numerics/softmax";
import { served } from "./files";

const arc = (cx: number, cy: number, rx: number, ry: number, from: number, to: number): Point[] =>
  Array.from({ length: 25 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 24) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });

const DRAWN: Record<number, Point[][]> = {
  0: [arc(0.5, 0.5, 0.18, 0.3, 0, 360)],
  1: [[[0.45, 0.3], [0.52, 0.2], [0.52, 0.8]]],
  7: [[[0.3, 0.2], [0.7, 0.2], [0.45, 0.8]], [[0.38, 0.52], [0.65, 0.52]]],
  3: [arc(0.47, 0.34, 0.18, 0.16, -150, 90), arc(0.47, 0.66, 0.2, 0.17, -90, 150)],
};

test("a trained network reads drawn digits", () => {
  const { trained } = parse(new Uint8Array(served(manifest.digits)));
  const read = Object.entries(DRAWN).map(([digit, strokes]) => [Number(digit), likeliest(predict(trained, pixelsOf(strokes)))]);
  expect(read).toEqual(read.map(([digit]) => [digit, digit]));
});

test("place and size of a drawing do not matter, an empty field is empty", () => {
  const strokes = DRAWN[3] as Point[][];
  const moved = strokes.map((stroke) => stroke.map(([x, y]): Point => [x * 0.5 + 0.4, y * 0.5 + 0.1]));
  const [a, b] = [pixelsOf(strokes), pixelsOf(moved)];
  a.forEach((pixel, index) => expect(Math.abs(pixel - (b[index] ?? NaN))).toBeLessThanOrEqual(1 / 16));
  expect(pixelsOf([]).every((pixel) => pixel === 0)).toBe(true);
  expect(pixelsOf([[[0.5, 0.5]]]).some((pixel) => pixel > 0)).toBe(true);
  expect(Math.max(...a)).toBeLessThanOrEqual(1);
});
