/** Numbers as a reader takes them in. */

/**
 * With commas between thousands and at most so many decimals. `Intl` would do the same, but loads its tables
 * first, which takes longer than all the rest of a calculator.
 */
export function grouped(value: number, decimals = 6): string {
  const [whole = "", part] = String(Number(value.toFixed(decimals))).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
}

export function readable(value: number): string {
  for (const [size, word] of [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"], [1e3, " thousand"]] as const) {
    if (Math.abs(value) >= size) return digits(value / size) + word;
  }
  return digits(value);
}

function digits(value: number): string {
  return grouped(Number(value.toPrecision(3)), 20);
}
