import { expect, test } from "vitest";
import { grouped, readable } from "../src/decide/numbers";

test("grouped numbers read as the language's own formatter writes them", () => {
  const own = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });
  for (let power = -6; power < 21; power += 1) {
    for (const digits of [1, 1.5, 2.345678, 9.9999996, -7.25]) {
      const value = digits * 10 ** power;
      expect(grouped(value)).toBe(own.format(value));
    }
  }
});

test("readable numbers keep three digits", () => {
  const said = [0, 0.0001234, 0.5, 12.345, 999.6, 1234, 1_500_000, 8.03e9, 15e12, 4.2e17].map((value) => readable(value));
  expect(said).toEqual([
    "0", "0.000123", "0.5", "12.3", "1,000", "1.23 thousand", "1.5 million", "8.03 billion", "15 trillion", "420,000 trillion",
  ]);
});
