import { activation, add, attention, dense, layerNorm, product, rowsOf, type Layer } from "./layers";
import type { Weights } from "./weights";

/** What of transformers' GPT2Config is used here. */
export interface GptConfig {
  activation_function: string;
  bos_token_id: number;
  eos_token_id: number;
  layer_norm_epsilon: number;
  n_embd: number;
  n_head: number;
  n_layer: number;
  n_positions: number;
}

interface Block {
  before: Layer;
  joined: Layer;
  projected: Layer;
  between: Layer;
  wide: Layer;
  narrow: Layer;
  keys: Float32Array;
  values: Float32Array;
}

/** GPT-2: Radford et al. 2019. It remembers keys and values of the tokens that it was asked about last. */
export class Gpt {
  private readonly blocks: Block[];
  private readonly last: Layer;
  private readonly words: Float32Array;
  private readonly places: Float32Array;
  private readonly scores: Layer;
  private readonly bend: Layer;
  private remembered: number[] = [];

  constructor(
    weights: Weights,
    private readonly config: GptConfig,
  ) {
    const { n_embd: width, n_positions: most, layer_norm_epsilon: epsilon } = config;
    this.words = weights.get("transformer.wte.weight");
    this.places = weights.get("transformer.wpe.weight");
    // The output matrix is that of the words.
    this.scores = product(this.words, undefined, width);
    this.bend = activation(config.activation_function);
    this.last = layerNorm(weights, "transformer.ln_f", epsilon);
    this.blocks = Array.from({ length: config.n_layer }, (_, index) => {
      const at = `transformer.h.${index}.`;
      return {
        before: layerNorm(weights, `${at}ln_1`, epsilon),
        joined: dense(weights, `${at}attn.c_attn`, true),
        projected: dense(weights, `${at}attn.c_proj`, true),
        between: layerNorm(weights, `${at}ln_2`, epsilon),
        wide: dense(weights, `${at}mlp.c_fc`, true),
        narrow: dense(weights, `${at}mlp.c_proj`, true),
        keys: new Float32Array(most * width),
        values: new Float32Array(most * width),
      };
    });
  }

  /** A logit for each token that may come after `ids`, which are one at least and `n_positions` at most. */
  logits(ids: number[]): Float32Array {
    const { n_embd: width, n_positions: most } = this.config;
    if (ids.length < 1 || ids.length > most) throw new RangeError(`${ids.length} tokens, 1 to ${most} are possible`);
    let known = 0;
    while (known < ids.length - 1 && ids[known] === this.remembered[known]) known++;
    const fresh = ids.slice(known);
    let x = rowsOf(this.words, width, fresh);
    add(x, this.places.subarray(known * width, ids.length * width));
    for (const block of this.blocks) x = this.through(block, x, known);
    this.remembered = ids.slice();
    return this.scores(this.last(x.subarray(-width)));
  }

  private through(block: Block, x: Float32Array, known: number): Float32Array {
    const { n_embd: width, n_head: heads } = this.config;
    const joined = block.joined(block.before(x));
    const rows = x.length / width;
    const query = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const from = row * 3 * width;
      const to = (known + row) * width;
      query.set(joined.subarray(from, from + width), row * width);
      block.keys.set(joined.subarray(from + width, from + 2 * width), to);
      block.values.set(joined.subarray(from + 2 * width, from + 3 * width), to);
    }
    const end = (known + rows) * width;
    const seen = attention(query, block.keys.subarray(0, end), block.values.subarray(0, end), width, { heads, causal: true });
    add(x, block.projected(seen));
    return add(x, block.narrow(this.bend(block.wide(block.between(x)))));
  }
}

/** Tokens that would end a run of `size` tokens which `ids` have already. */
export function repeats(ids: number[], size: number): Set<number> {
  const found = new Set<number>();
  const tail = ids.slice(ids.length - size + 1);
  for (let from = 0; from + size <= ids.length; from++) {
    if (tail.every((id, index) => ids[from + index] === id)) found.add(ids[from + size - 1] as number);
  }
  return found;
}
