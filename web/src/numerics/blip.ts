import { activation, add, dense, layerNorm, product, rowsOf, type Layer } from "./layers";
import { likeliest } from "./softmax";
import { attend, attendBy, dense2, patches, tower, type Attend } from "./transformer";
import type { Weights } from "./weights";

/** What of transformers' BlipConfig is used here. */
export interface BlipConfig {
  text_config: {
    bos_token_id: number;
    hidden_act: string;
    hidden_size: number;
    layer_norm_eps: number;
    num_attention_heads: number;
    num_hidden_layers: number;
    sep_token_id: number;
  };
  vision_config: {
    hidden_act: string;
    hidden_size: number;
    image_size: number;
    layer_norm_eps: number;
    num_attention_heads: number;
    num_hidden_layers: number;
    patch_size: number;
  };
}

type Read = (x: Float32Array, picture: Float32Array) => Float32Array;

/** Li et al. 2022: it looks at a picture and writes what it shows, word piece by word piece. */
export class Blip {
  private readonly cut: Layer;
  private readonly see: Layer;
  private readonly after: Layer;
  private readonly embedded: Layer;
  private readonly read: Read[];
  private readonly scores: Layer;

  constructor(
    private readonly weights: Weights,
    private readonly config: BlipConfig,
  ) {
    const { text_config: text, vision_config: vision } = config;
    const eye = "vision_model.";
    this.cut = dense(weights, `${eye}embeddings.patch_embedding`);
    this.see = tower(weights, eye, vision.num_hidden_layers, vision.layer_norm_eps, vision.hidden_act, (at) => this.joined(at));
    this.after = layerNorm(weights, `${eye}post_layernorm`, vision.layer_norm_eps);
    const voice = "text_decoder.";
    this.embedded = layerNorm(weights, `${voice}bert.embeddings.LayerNorm`, text.layer_norm_eps);
    this.read = Array.from({ length: text.num_hidden_layers }, (_, index) => this.layer(`${voice}bert.encoder.layer.${index}.`));
    const head = `${voice}cls.predictions.`;
    const [turned, bent] = [dense(weights, `${head}transform.dense`), activation(text.hidden_act)];
    const calm = layerNorm(weights, `${head}transform.LayerNorm`, text.layer_norm_eps);
    const words = weights.get(`${voice}bert.embeddings.word_embeddings.weight`);
    const last = product(words, weights.get(`${head}bias`), text.hidden_size);
    this.scores = (x) => last(calm(bent(turned(x))));
  }

  /** The three matrices of an attention lie in one. */
  private joined(at: string): Attend {
    const { hidden_size: width, num_attention_heads: heads } = this.config.vision_config;
    const [matrix, bias] = [this.weights.get(`${at}qkv.weight`), this.weights.get(`${at}qkv.bias`)];
    const [query, keys, values] = [0, 1, 2].map((third) =>
      product(
        matrix.subarray(third * width * width, (third + 1) * width * width),
        bias.subarray(third * width, (third + 1) * width),
        width,
      ),
    ) as [Layer, Layer, Layer];
    return attend(query, keys, values, dense(this.weights, `${at}projection`), width, { heads });
  }

  /** A layer of BERT that also looks at the picture; normalised after each part. */
  private layer(at: string): Read {
    const { layer_norm_eps: epsilon, num_attention_heads: heads, hidden_act: bend } = this.config.text_config;
    const norm = (name: string): Layer => layerNorm(this.weights, `${at}${name}.LayerNorm`, epsilon);
    const names = ["self.query", "self.key", "self.value", "output.dense"];
    const own = attendBy(this.weights, `${at}attention.`, names, { heads, causal: true });
    const across = attendBy(this.weights, `${at}crossattention.`, names, { heads });
    const [first, second, third] = [norm("attention.output"), norm("crossattention.output"), norm("output")];
    const inner = dense2(this.weights, `${at}intermediate.dense`, `${at}output.dense`, bend);
    return (x, picture) => {
      const read = first(add(own(x), x));
      const looked = second(add(across(read, picture), read));
      return third(add(inner(looked), looked));
    };
  }

  /** Ids of a caption, greedily: `begun` without an end mark, then up to `most` more. */
  caption(pixels: Float32Array, begun: number[], most: number): number[] {
    const { sep_token_id: end, bos_token_id: start, hidden_size: width } = this.config.text_config;
    const picture = this.look(pixels);
    const ids = [start, ...begun];
    for (let added = 0; added < most; added++) {
      const x = this.read.reduce((seen, layer) => layer(seen, picture), this.begin(ids));
      const next = likeliest(this.scores(x.subarray(-width)));
      if (next === end) break;
      ids.push(next);
    }
    return ids.slice(1);
  }

  private look(pixels: Float32Array): Float32Array {
    const { hidden_size: width, image_size: side, patch_size: size } = this.config.vision_config;
    const cut = this.cut(patches(pixels, side, size));
    const x = new Float32Array(cut.length + width);
    x.set(this.weights.get("vision_model.embeddings.class_embedding"));
    x.set(cut, width);
    add(x, this.weights.get("vision_model.embeddings.position_embedding"));
    return this.after(this.see(x));
  }

  private begin(ids: number[]): Float32Array {
    const { hidden_size: width } = this.config.text_config;
    const at = "text_decoder.bert.embeddings.";
    const x = rowsOf(this.weights.get(`${at}word_embeddings.weight`), width, ids);
    add(x, this.weights.get(`${at}position_embeddings.weight`).subarray(0, x.length));
    return this.embedded(x);
  }
}
