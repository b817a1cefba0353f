/** Pictures as the image processors of transformers prepare them. */
const BITS = 22;

/** A cubic of parameter -0.5: Keys 1981. */
function cubic(x: number): number {
  const far = Math.abs(x);
  if (far < 1) return (1.5 * far - 2.5) * far * far + 1;
  return far < 2 ? ((-0.5 * far + 2.5) * far - 4) * far + 2 : 0;
}

/** Where each new pixel looks, and its weights as whole numbers: Pillow's, so that every bit is. */
function kernels(from: number, to: number): { first: number; weights: number[] }[] {
  const scale = from / to;
  const stretched = Math.max(scale, 1);
  const reach = 2 * stretched;
  return Array.from({ length: to }, (_, index) => {
    const middle = (index + 0.5) * scale;
    const first = Math.max(Math.trunc(middle - reach + 0.5), 0);
    const end = Math.min(Math.trunc(middle + reach + 0.5), from);
    const exact = Array.from({ length: end - first }, (_, at) => cubic((at + first - middle + 0.5) / stretched));
    const sum = exact.reduce((a, b) => a + b, 0);
    const weights = exact.map((weight) => {
      const share = (weight / sum) * 2 ** BITS;
      return Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    return { first, weights };
  });
}

/** One direction: `count` lines whose pixels are `step` apart, line after line `stride`. Three channels. */
function squeezed(pixels: Uint8Array, from: number, to: number, lines: number, along: boolean): Uint8Array {
  const made = new Uint8Array(lines * to * 3);
  for (const [index, { first, weights }] of kernels(from, to).entries()) {
    for (let line = 0; line < lines; line++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 2 ** (BITS - 1);
        for (const [at, weight] of weights.entries()) {
          const place = along ? line * from + first + at : (first + at) * lines + line;
          sum += (pixels[place * 3 + channel] as number) * weight;
        }
        const value = Math.min(Math.max(Math.floor(sum / 2 ** BITS), 0), 255);
        made[(along ? line * to + index : index * lines + line) * 3 + channel] = value;
      }
    }
  }
  return made;
}

/** A square picture of RGBA pixels as RGB of `to` pixels a side: Pillow's bicubic, across and then down. */
export function resized(pixels: ArrayLike<number>, from: number, to: number): Uint8Array {
  const plain = Uint8Array.from({ length: from * from * 3 }, (_, at) => pixels[Math.floor(at / 3) * 4 + (at % 3)] as number);
  if (from === to) return plain;
  return squeezed(squeezed(plain, from, to, from, true), from, to, to, false);
}

/** What of an image processor's settings is used here. */
export interface Preparation {
  image_mean: number[];
  image_std: number[];
  resample: number;
  rescale_factor: number;
}

/** 0 … 255 -> what the model was trained on. Raises an Error for another resampling than bicubic. */
export function prepared(pixels: Uint8Array, { image_mean: mean, image_std: spread, resample, rescale_factor: factor }: Preparation): Float32Array {
  if (resample !== 3) throw new Error(`resampling ${resample}`);
  return Float32Array.from(pixels, (value, at) => (value * factor - (mean[at % 3] as number)) / (spread[at % 3] as number));
}
