/** A seed in, pictures out, one step after another. */
import { Ddim, type DdimConfig } from "../numerics/ddim";
import { normal, random } from "../numerics/random";
import { Unet, type UnetConfig } from "../numerics/unet";
import { family, once } from "./family";
import type { Context } from "./room";

const open = once(async (context) => {
  const { weights, settings } = await family("digit-diffusion", context);
  const config = settings<UnetConfig>("unet/config");
  return { unet: new Unet(weights, config), ddim: new Ddim(settings<DdimConfig>("scheduler/scheduler_config")), config };
});

/** Pixels on a side of a picture. */
export async function load(_: object, context: Context): Promise<{ side: number }> {
  return { side: (await open(context)).config.sample_size };
}

export interface Wanted {
  seed: number;
  /** Pictures at once. */
  count: number;
  steps: number;
  /** 1 adds fresh noise at each step, 0 none. */
  eta: number;
}

/** Each array holds `count` pictures, pixel after pixel. */
export interface Step {
  /** 0 is the noise that it all begins with. */
  step: number;
  time: number;
  pictures: Float32Array;
  /** What of the step before was called noise, and what it would be without; both empty at step 0. */
  noise: Float32Array;
  clear: Float32Array;
  /** The noise that was added. */
  fresh: Float32Array;
}

/** Tells every Step; returns the milliseconds that they took. */
export async function clear({ seed, count, steps, eta }: Wanted, context: Context): Promise<number> {
  const { unet, ddim, config } = await open(context);
  const next = random(seed);
  const size = config.sample_size ** 2 * config.in_channels;
  const empty = new Float32Array(0);
  let pictures = normal(next, size * count);
  context.tell({ step: 0, time: ddim.times(steps)[0], pictures, noise: empty, clear: empty, fresh: empty } as Step);
  const begun = performance.now();
  for (const [index, time] of ddim.times(steps).entries()) {
    const noise = new Float32Array(size * count);
    for (let from = 0; from < noise.length; from += size) noise.set(unet.noise(pictures.subarray(from, from + size), time), from);
    const fresh = normal(next, size * count);
    const { x, clear } = ddim.step(pictures, noise, time, steps, eta, fresh);
    pictures = x;
    context.tell({ step: index + 1, time, pictures, noise, clear, fresh } as Step);
    // Lets a Stop come in.
    await new Promise((done) => setTimeout(done));
    context.signal.throwIfAborted();
  }
  return performance.now() - begun;
}
