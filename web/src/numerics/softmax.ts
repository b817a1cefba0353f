/** Probabilities of logits; the largest is taken off first, so that none overflows. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  // Plain loops: typed arrays' own methods are many times slower, and training calls this for every row.
  const found = new Float64Array(logits.length);
  let largest = -Infinity;
  for (let i = 0; i < found.length; i++) largest = Math.max(largest, logits[i] as number);
  let sum = 0;
  for (let i = 0; i < found.length; i++) sum += found[i] = Math.exp((logits[i] as number) - largest);
  for (let i = 0; i < found.length; i++) found[i] = (found[i] as number) / sum;
  return found;
}

/** Index of the largest; the first, where several are. */
export function likeliest(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[best] as number)) best = i;
  return best;
}
