/**
 * Round weights to `bits` bits: steps of equal width, zero among them, the largest weight at the end.
 *
 * 32 leaves them as they are and 16 is half precision. With n bits there are 2ⁿ⁻¹ - 1 steps on either side of zero: 127 in
 * 8 bit, one in 2 bit. One scale serves the whole tensor.
 */
export function quantise(weights: Float32Array, bits: number): Float32Array {
  if (bits >= 32) return weights.slice();
  if (bits === 16) return weights.map(half);
  const steps = 2 ** (bits - 1) - 1;
  const largest = weights.reduce((found, each) => Math.max(found, Math.abs(each)), 0);
  const scale = largest / steps;
  if (scale === 0) return weights.slice();
  return weights.map((each) => Math.round(each / scale) * scale);
}

/** The nearest number of IEEE 754 half precision: 10 bits after the leading one, none above 65,504. */
function half(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x))));
  const step = 2 ** (exponent - 10);
  return Math.max(-65504, Math.min(65504, Math.round(x / step) * step));
}

/** Bytes that weights take: `bits` each, and four for the scale of each tensor where there is one. */
export function bytesOf(tensors: ArrayLike<number>[], bits: number): number {
  const scales = bits < 16 ? 4 * tensors.length : 0;
  return Math.ceil(tensors.reduce((sum, each) => sum + each.length * bits, 0) / 8) + scales;
}
