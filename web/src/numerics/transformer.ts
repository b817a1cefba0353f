/** What CLIP, BLIP and Whisper have in common. */
import { activation, add, attention, dense, layerNorm, type Attending, type Layer } from "./layers";
import type { Weights } from "./weights";

/** Attention with its four matrices; `others` is what is looked at, `x` itself where nothing else is named. */
export type Attend = (x: Float32Array, others?: Float32Array) => Float32Array;

export function attend(query: Layer, keys: Layer, values: Layer, out: Layer, width: number, how: Attending): Attend {
  return (x, others = x) => out(attention(query(x), keys(others), values(others), width, how));
}

/** Attention whose matrices lie under `at`, by their four names. */
export function attendBy(weights: Weights, at: string, names: string[], how: Attending): Attend {
  const [query, keys, values, out] = names.map((name) => dense(weights, at + name)) as [Layer, Layer, Layer, Layer];
  const [width = 1] = weights.shape(`${at}${names[0]}.weight`);
  return attend(query, keys, values, out, width, how);
}

export const PROJECTIONS = ["q_proj", "k_proj", "v_proj", "out_proj"];

/** Two dense layers with a bend between them. */
export function dense2(weights: Weights, first: string, second: string, bend: string): Layer {
  const [wide, bent, narrow] = [dense(weights, first), activation(bend), dense(weights, second)];
  return (x) => narrow(bent(wide(x)));
}

/** A tower of CLIP or of BLIP's eye: normalised before each half of a layer. */
export function tower(weights: Weights, at: string, layers: number, epsilon: number, bend: string, look: (at: string) => Attend): Layer {
  const built = Array.from({ length: layers }, (_, index) => {
    const layer = `${at}encoder.layers.${index}.`;
    return {
      first: layerNorm(weights, `${layer}layer_norm1`, epsilon),
      attend: look(`${layer}self_attn.`),
      second: layerNorm(weights, `${layer}layer_norm2`, epsilon),
      dense: dense2(weights, `${layer}mlp.fc1`, `${layer}mlp.fc2`, bend),
    };
  });
  return (x) =>
    built.reduce((seen, layer) => {
      const looked = add(layer.attend(layer.first(seen)), seen);
      return add(layer.dense(layer.second(looked)), looked);
    }, x);
}

/** Patches of a picture (side × side × 3), each as one row in the order of a kernel (channel, row, column). */
export function patches(picture: Float32Array, side: number, size: number): Float32Array {
  const found = new Float32Array(picture.length);
  let to = 0;
  for (let top = 0; top < side; top += size) {
    for (let left = 0; left < side; left += size) {
      for (let channel = 0; channel < 3; channel++) {
        for (let row = top; row < top + size; row++) {
          for (let column = left; column < left + size; column++) found[to++] = picture[(row * side + column) * 3 + channel] as number;
        }
      }
    }
  }
  return found;
}
