import { activation, add, attention, dense, groupNorm, product, type Layer } from "./layers";
import type { Weights } from "./weights";

/** What of diffusers' UNet2DModel configuration is used here. */
export interface UnetConfig {
  act_fn: string;
  attention_head_dim: number;
  block_out_channels: number[];
  flip_sin_to_cos: boolean;
  freq_shift: number;
  in_channels: number;
  norm_eps: number;
  norm_num_groups: number;
  sample_size: number;
}

/** A picture: pixels in rows, the channels of each together. */
interface Picture {
  side: number;
  x: Float32Array;
}

type Block = (picture: Picture, moment: Float32Array) => Picture;

/** A square kernel of 1 or 3 pixels, at every pixel or at every second one: a dense layer over what it covers. */
export function convolution(weights: Weights, name: string, stride = 1): (picture: Picture) => Picture {
  const [outputs = 1, channels = 1, size = 1] = weights.shape(`${name}.weight`);
  const stored = weights.get(`${name}.weight`);
  const places = size * size;
  const turned = new Float32Array(stored.length);
  for (let out = 0; out < outputs; out++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let place = 0; place < places; place++) {
        turned[(out * places + place) * channels + channel] = stored[(out * channels + channel) * places + place] as number;
      }
    }
  }
  const multiply = product(turned, weights.get(`${name}.bias`), channels * places);
  const reach = (size - 1) / 2;
  return ({ x, side }) => {
    const width = side / stride;
    const covered = new Float32Array(width * width * places * channels);
    let to = 0;
    for (let row = 0; row < side; row += stride) {
      for (let column = 0; column < side; column += stride) {
        for (let down = row - reach; down <= row + reach; down++) {
          for (let right = column - reach; right <= column + reach; right++, to += channels) {
            // Beyond the edge there is nothing.
            if (down < 0 || right < 0 || down >= side || right >= side) continue;
            const from = (down * side + right) * channels;
            covered.set(x.subarray(from, from + channels), to);
          }
        }
      }
    }
    return { side: width, x: multiply(covered) };
  };
}

/** Ronneberger et al. 2015 as Ho et al. 2020 use it: which part of a noisy picture is noise? */
export class Unet {
  private readonly entry: (picture: Picture) => Picture;
  private readonly exit: (picture: Picture) => Picture;
  private readonly last: Layer;
  private readonly bend: Layer;
  private readonly down: { blocks: Block[]; smaller: ((picture: Picture) => Picture) | undefined }[];
  private readonly middle: Block[];
  private readonly up: { blocks: Block[]; larger: ((picture: Picture) => Picture) | undefined }[];
  private readonly first: Layer;
  private readonly second: Layer;

  constructor(
    private readonly weights: Weights,
    private readonly config: UnetConfig,
  ) {
    this.bend = activation(config.act_fn);
    this.entry = convolution(weights, "conv_in");
    this.exit = convolution(weights, "conv_out");
    this.last = groupNorm(weights, "conv_norm_out", config.norm_num_groups, config.norm_eps);
    this.first = dense(weights, "time_embedding.linear_1");
    this.second = dense(weights, "time_embedding.linear_2");
    const levels = config.block_out_channels.map((_, index) => index);
    this.down = levels.map((level) => {
      const smaller = `down_blocks.${level}.downsamplers.0.conv`;
      return {
        blocks: this.blocks(`down_blocks.${level}`),
        smaller: weights.has(`${smaller}.weight`) ? convolution(weights, smaller, 2) : undefined,
      };
    });
    this.middle = this.blocks("mid_block");
    this.up = levels.map((level) => {
      const larger = `up_blocks.${level}.upsamplers.0.conv`;
      return {
        blocks: this.blocks(`up_blocks.${level}`),
        larger: weights.has(`${larger}.weight`) ? convolution(weights, larger) : undefined,
      };
    });
  }

  /** The noise in one picture (pixels × channels) at `time`, of 0 to 999. */
  noise(x: Float32Array, time: number): Float32Array {
    const moment = this.second(this.bend(this.first(this.wave(time))));
    let picture = this.entry({ side: this.config.sample_size, x });
    const kept = [picture];
    for (const { blocks, smaller } of this.down) {
      for (const block of blocks) kept.push((picture = block(picture, moment)));
      if (smaller) kept.push((picture = smaller(picture)));
    }
    for (const block of this.middle) picture = block(picture, moment);
    for (const { blocks, larger } of this.up) {
      for (const block of blocks) picture = block(beside(picture, kept.pop() as Picture), moment);
      if (larger) picture = larger(doubled(picture));
    }
    return this.exit({ side: picture.side, x: this.bend(this.last(picture.x)) }).x;
  }

  /** The time as sines and cosines of many frequencies. */
  private wave(time: number): Float32Array {
    const { block_out_channels: channels, flip_sin_to_cos: flip, freq_shift: shift } = this.config;
    const half = (channels[0] as number) / 2;
    const angles = Array.from({ length: half }, (_, index) => time * Math.exp((-Math.log(10_000) * index) / (half - shift)));
    const [sines, cosines] = [angles.map(Math.sin), angles.map(Math.cos)];
    return Float32Array.from(flip ? [...cosines, ...sines] : [...sines, ...cosines]);
  }

  /** The residual blocks at `at`, each with its attention if it has one; the middle has one attention between two. */
  private blocks(at: string): Block[] {
    const found: Block[] = [];
    for (let index = 0; this.weights.has(`${at}.resnets.${index}.conv1.weight`); index++) {
      const residual = this.residual(`${at}.resnets.${index}`);
      const looking = `${at}.attentions.${index}`;
      const look = this.weights.has(`${looking}.to_q.weight`) ? this.look(looking) : undefined;
      found.push((picture, moment) => {
        const changed = residual(picture, moment);
        return look ? look(changed, moment) : changed;
      });
    }
    return found;
  }

  private residual(at: string): Block {
    const { norm_num_groups: groups, norm_eps: epsilon } = this.config;
    const { weights, bend } = this;
    const [before, between] = [groupNorm(weights, `${at}.norm1`, groups, epsilon), groupNorm(weights, `${at}.norm2`, groups, epsilon)];
    const [one, two] = [convolution(weights, `${at}.conv1`), convolution(weights, `${at}.conv2`)];
    const timed = dense(weights, `${at}.time_emb_proj`);
    const fitted = weights.has(`${at}.conv_shortcut.weight`) ? dense(weights, `${at}.conv_shortcut`) : undefined;
    return ({ x, side }, moment) => {
      const inside = one({ side, x: bend(before(x)) }).x;
      const shift = timed(bend(moment));
      for (let i = 0; i < inside.length; i++) inside[i] = (inside[i] as number) + (shift[i % shift.length] as number);
      const changed = two({ side, x: bend(between(inside)) }).x;
      return { side, x: add(changed, fitted ? fitted(x) : x) };
    };
  }

  private look(at: string): Block {
    const { norm_num_groups: groups, norm_eps: epsilon, attention_head_dim: depth } = this.config;
    const before = groupNorm(this.weights, `${at}.group_norm`, groups, epsilon);
    const [query, keys, values, out] = ["to_q", "to_k", "to_v", "to_out.0"].map((name) => dense(this.weights, `${at}.${name}`)) as [Layer, Layer, Layer, Layer];
    const [width = 1] = this.weights.shape(`${at}.to_q.weight`);
    return ({ x, side }) => {
      const calm = before(x);
      const seen = attention(query(calm), keys(calm), values(calm), width, { heads: width / depth });
      return { side, x: add(out(seen), x) };
    };
  }
}

/** Two pictures as one, with the channels of both. */
function beside(left: Picture, right: Picture): Picture {
  const pixels = left.side ** 2;
  const [first, second] = [left.x.length / pixels, right.x.length / pixels];
  const x = new Float32Array(left.x.length + right.x.length);
  for (let pixel = 0, to = 0; pixel < pixels; pixel++) {
    x.set(left.x.subarray(pixel * first, (pixel + 1) * first), to);
    x.set(right.x.subarray(pixel * second, (pixel + 1) * second), to + first);
    to += first + second;
  }
  return { side: left.side, x };
}

/** Each pixel as four. */
function doubled({ side, x }: Picture): Picture {
  const channels = x.length / side ** 2;
  const large = new Float32Array(x.length * 4);
  for (let row = 0, to = 0; row < side * 2; row++) {
    for (let column = 0; column < side * 2; column++, to += channels) {
      const from = ((row >> 1) * side + (column >> 1)) * channels;
      large.set(x.subarray(from, from + channels), to);
    }
  }
  return { side: side * 2, x: large };
}
