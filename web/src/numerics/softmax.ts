/** Probabilities of logits; the largest is taken off first, so that none overflows. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const found = Float64Array.from(logits);
  const largest = found.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let i = 0; i < found.length; i++) sum += found[i] = Math.exp((found[i] as number) - largest);
  return found.map((each) => each / sum);
}
