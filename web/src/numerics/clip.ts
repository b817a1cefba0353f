import { add, dense, layerNorm, rowsOf, type Layer } from "./layers";
import { attendBy, patches, PROJECTIONS, tower } from "./transformer";
import type { Weights } from "./weights";

interface TowerConfig {
  hidden_act: string;
  hidden_size: number;
  layer_norm_eps: number;
  num_attention_heads: number;
  num_hidden_layers: number;
}

/** What of transformers' CLIPConfig is used here. */
export interface ClipConfig {
  text_config: TowerConfig & { eos_token_id: number; max_position_embeddings: number };
  vision_config: TowerConfig & { image_size: number; patch_size: number };
}

/** Radford et al. 2021: pictures and sentences as points of one space. */
export class Clip {
  private readonly read: Layer;
  private readonly see: Layer;
  private readonly layers: Record<"cut" | "before" | "after" | "picture" | "last" | "sentence", Layer>;
  /** What a cosine is multiplied with before the softmax. */
  readonly scale: number;

  constructor(
    private readonly weights: Weights,
    private readonly config: ClipConfig,
  ) {
    const { text_config: text, vision_config: vision } = config;
    const build = (at: string, { hidden_act, layer_norm_eps, num_attention_heads: heads, num_hidden_layers: layers }: TowerConfig, causal: boolean): Layer =>
      tower(weights, at, layers, layer_norm_eps, hidden_act, (at) => attendBy(weights, at, PROJECTIONS, { heads, causal }));
    this.read = build("text_model.", text, true);
    this.see = build("vision_model.", vision, false);
    this.layers = {
      cut: dense(weights, "vision_model.embeddings.patch_embedding"),
      before: layerNorm(weights, "vision_model.pre_layrnorm", vision.layer_norm_eps),
      after: layerNorm(weights, "vision_model.post_layernorm", vision.layer_norm_eps),
      picture: dense(weights, "visual_projection"),
      last: layerNorm(weights, "text_model.final_layer_norm", text.layer_norm_eps),
      sentence: dense(weights, "text_projection"),
    };
    this.scale = Math.exp(weights.get("logit_scale")[0] as number);
  }

  /** A vector of length one for a picture (side × side × 3), normalised as the model's settings say. */
  picture(pixels: Float32Array): Float32Array {
    const { hidden_size: width, image_size: side, patch_size: size } = this.config.vision_config;
    const cut = this.layers.cut(patches(pixels, side, size));
    const x = new Float32Array(cut.length + width);
    x.set(this.weights.get("vision_model.embeddings.class_embedding"));
    x.set(cut, width);
    add(x, this.weights.get("vision_model.embeddings.position_embedding.weight"));
    const seen = this.see(this.layers.before(x));
    return unit(this.layers.picture(this.layers.after(seen.subarray(0, width))));
  }

  /** A vector of length one for a sentence, start and end mark with it. */
  sentence(ids: number[]): Float32Array {
    const { hidden_size: width, eos_token_id: end } = this.config.text_config;
    const x = rowsOf(this.weights.get("text_model.embeddings.token_embedding.weight"), width, ids);
    add(x, this.weights.get("text_model.embeddings.position_embedding.weight").subarray(0, x.length));
    const seen = this.layers.last(this.read(x));
    const at = Math.max(ids.indexOf(end), 0) * width;
    return unit(this.layers.sentence(seen.subarray(at, at + width)));
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
