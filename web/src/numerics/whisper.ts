import { activation, add, layerNorm, product, rowsOf, type Layer } from "./layers";
import { likeliest } from "./softmax";
import { attendBy, dense2, PROJECTIONS, type Attend } from "./transformer";
import type { Weights } from "./weights";

/** What of transformers' WhisperConfig is used here. */
export interface WhisperConfig {
  activation_function: string;
  d_model: number;
  decoder_attention_heads: number;
  decoder_layers: number;
  decoder_start_token_id: number;
  encoder_attention_heads: number;
  encoder_layers: number;
  eos_token_id: number;
  num_mel_bins: number;
}

/** transformers gives its layers no other. */
const EPSILON = 1e-5;

/** A kernel of three moments, at each moment or at every second: a dense layer over what it covers. */
function convolution(weights: Weights, name: string, stride: number): Layer {
  const [outputs = 1, channels = 1, size = 1] = weights.shape(`${name}.weight`);
  const stored = weights.get(`${name}.weight`);
  const turned = new Float32Array(stored.length);
  for (let at = 0; at < stored.length; at++) {
    const [out, channel, place] = [Math.floor(at / size / channels), Math.floor(at / size) % channels, at % size];
    turned[(out * size + place) * channels + channel] = stored[at] as number;
  }
  const multiply = product(turned, weights.get(`${name}.bias`), channels * size);
  const reach = (size - 1) / 2;
  if (turned.length !== outputs * channels * size) throw new Error(`${name} has a broken shape`);
  return (x) => {
    const moments = x.length / channels;
    const covered = new Float32Array(Math.ceil(moments / stride) * size * channels);
    for (let moment = 0, to = 0; moment < moments; moment += stride) {
      for (let at = moment - reach; at <= moment + reach; at++, to += channels) {
        if (at >= 0 && at < moments) covered.set(x.subarray(at * channels, (at + 1) * channels), to);
      }
    }
    return multiply(covered);
  };
}

/** Radford et al. 2022: it looks at a spectrogram and writes down what was said. */
export class Whisper {
  private readonly near: Layer;
  private readonly far: Layer;
  private readonly bend: Layer;
  private readonly listen: Layer;
  private readonly write: ((x: Float32Array, heard: Float32Array) => Float32Array)[];
  private readonly last: Layer;
  private readonly scores: Layer;

  constructor(
    private readonly weights: Weights,
    private readonly config: WhisperConfig,
  ) {
    const { d_model: width } = config;
    this.bend = activation(config.activation_function);
    this.near = convolution(weights, "model.encoder.conv1", 1);
    this.far = convolution(weights, "model.encoder.conv2", 2);
    const ears = Array.from({ length: config.encoder_layers }, (_, index) => this.ear(`model.encoder.layers.${index}.`));
    const calm = layerNorm(weights, "model.encoder.layer_norm", EPSILON);
    this.listen = (x) => calm(ears.reduce((seen, layer) => layer(seen), x));
    this.write = Array.from({ length: config.decoder_layers }, (_, index) => this.hand(`model.decoder.layers.${index}.`));
    this.last = layerNorm(weights, "model.decoder.layer_norm", EPSILON);
    this.scores = product(weights.get("model.decoder.embed_tokens.weight"), undefined, width);
  }

  private part(at: string, name: string, heads: number, causal = false): { norm: Layer; attend: Attend } {
    return {
      norm: layerNorm(this.weights, `${at}${name}_layer_norm`, EPSILON),
      attend: attendBy(this.weights, `${at}${name}.`, PROJECTIONS, { heads, causal }),
    };
  }

  private dense(at: string): Layer {
    const norm = layerNorm(this.weights, `${at}final_layer_norm`, EPSILON);
    const inner = dense2(this.weights, `${at}fc1`, `${at}fc2`, this.config.activation_function);
    return (x) => add(inner(norm(x)), x);
  }

  private ear(at: string): Layer {
    const own = this.part(at, "self_attn", this.config.encoder_attention_heads);
    const dense = this.dense(at);
    return (x) => dense(add(own.attend(own.norm(x)), x));
  }

  private hand(at: string): (x: Float32Array, heard: Float32Array) => Float32Array {
    const own = this.part(at, "self_attn", this.config.decoder_attention_heads, true);
    const across = this.part(at, "encoder_attn", this.config.decoder_attention_heads);
    const dense = this.dense(at);
    return (x, heard) => {
      const read = add(own.attend(own.norm(x)), x);
      return dense(add(across.attend(across.norm(read), heard), read));
    };
  }

  /** Ids of what was said, greedily: after `begun`, up to `most` in all, without the end mark. */
  transcribe(spectrogram: Float32Array, begun: number[], most: number): number[] {
    const { d_model: width, eos_token_id: end } = this.config;
    const x = this.bend(this.far(this.bend(this.near(spectrogram))));
    const heard = this.listen(add(x, this.weights.get("model.encoder.embed_positions.weight")));
    const ids = [...begun];
    while (ids.length < most) {
      const words = rowsOf(this.weights.get("model.decoder.embed_tokens.weight"), width, ids);
      add(words, this.weights.get("model.decoder.embed_positions.weight").subarray(0, words.length));
      const seen = this.write.reduce((so, layer) => layer(so, heard), words);
      const next = likeliest(this.scores(this.last(seen.subarray(-width))));
      if (next === end) break;
      ids.push(next);
    }
    return ids.slice(begun.length);
  }
}
