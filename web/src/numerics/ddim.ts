/** What of diffusers' DDIMScheduler configuration is used here. */
export interface DdimConfig {
  beta_schedule: string;
  clip_sample: boolean;
  clip_sample_range: number;
  num_train_timesteps: number;
  prediction_type: string;
  set_alpha_to_one: boolean;
  steps_offset: number;
  timestep_spacing: string;
}

export interface Stepped {
  /** With a little less noise. */
  x: Float32Array;
  /** What the picture would be if all that was called noise went at once. */
  clear: Float32Array;
}

/** Song et al. 2021, equations 12 and 16. Raises an Error for settings that the book's model does not use. */
export class Ddim {
  /** The share of the picture's variance that is left at each time: Nichol and Dhariwal 2021, equation 17. */
  private readonly share: Float64Array;

  constructor(private readonly config: DdimConfig) {
    const used = [config.beta_schedule, config.prediction_type, config.timestep_spacing];
    if (String(used) !== "squaredcos_cap_v2,epsilon,leading") throw new Error(`a scheduler of ${used.join(", ")}`);
    const count = config.num_train_timesteps;
    const curve = (at: number): number => Math.cos((((at / count + 0.008) / 1.008) * Math.PI) / 2) ** 2;
    let product = 1;
    this.share = Float64Array.from({ length: count }, (_, at) => (product *= 1 - Math.min(1 - curve(at + 1) / curve(at), 0.999)));
  }

  /** The times of a run of `steps`, from the noisiest on. */
  times(steps: number): number[] {
    const { num_train_timesteps: count, steps_offset: offset } = this.config;
    const ratio = Math.floor(count / steps);
    return Array.from({ length: steps }, (_, index) => (steps - 1 - index) * ratio + offset);
  }

  /** One step of `steps` from `time`; `fresh` is new noise, of which `eta` says how much is used. */
  step(x: Float32Array, noise: Float32Array, time: number, steps: number, eta: number, fresh: Float32Array): Stepped {
    const { num_train_timesteps: count, set_alpha_to_one: toOne, clip_sample: clip, clip_sample_range: most } = this.config;
    const now = this.share[time] as number;
    const earlier = time - Math.floor(count / steps);
    const next = earlier >= 0 ? (this.share[earlier] as number) : toOne ? 1 : (this.share[0] as number);
    const deviation = eta * Math.sqrt(((1 - next) / (1 - now)) * (1 - now / next));
    const direction = Math.sqrt(Math.max(1 - next - deviation ** 2, 0));
    const clear = x.map((value, i) => {
      const guess = (value - Math.sqrt(1 - now) * (noise[i] as number)) / Math.sqrt(now);
      return clip ? Math.min(Math.max(guess, -most), most) : guess;
    });
    const moved = clear.map(
      (value, i) => Math.sqrt(next) * value + direction * (noise[i] as number) + deviation * (fresh[i] as number),
    );
    return { x: moved, clear };
  }
}
