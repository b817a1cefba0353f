/** What of transformers' WhisperFeatureExtractor's settings is used here. */
export interface EarConfig {
  feature_size: number;
  hop_length: number;
  n_fft: number;
  n_samples: number;
  sampling_rate: number;
}

/** The mel scale as Slaney's Auditory Toolbox (1998) has it: straight to 1,000 Hz, then by logarithm. */
const LOG_STEP = Math.log(6.4) / 27;
const toMel = (hertz: number): number => (hertz < 1000 ? (3 * hertz) / 200 : 15 + Math.log(hertz / 1000) / LOG_STEP);
const toHertz = (mel: number): number => (mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp(LOG_STEP * (mel - 15)));

interface Band {
  first: number;
  weights: number[];
}

/** Loudness by pitch and time, as Whisper sees it: the same numbers as WhisperFeatureExtractor's. */
export class Ear {
  private readonly window: Float64Array;
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly bands: Band[];
  readonly frames: number;

  constructor(private readonly config: EarConfig) {
    const { n_fft: size, n_samples: samples, hop_length: hop } = config;
    this.frames = Math.floor(samples / hop);
    this.window = Float64Array.from({ length: size }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / size));
    const half = size / 2 + 1;
    // One turn of the circle is enough: all angles are multiples of its smallest.
    const angle = (at: number): number => (2 * Math.PI * ((Math.floor(at / half) * (at % half)) % size)) / size;
    this.cosines = Float64Array.from({ length: half * half }, (_, at) => Math.cos(angle(at)));
    this.sines = Float64Array.from({ length: half * half }, (_, at) => Math.sin(angle(at)));
    this.bands = this.triangles(half);
  }

  /** Triangles on the mel scale, each of area one. */
  private triangles(bins: number): Band[] {
    const { feature_size: count, sampling_rate: rate } = this.config;
    const highest = toMel(8000);
    const corners = Array.from({ length: count + 2 }, (_, at) => toHertz((highest * at) / (count + 1)));
    return Array.from({ length: count }, (_, band) => {
      const [low, middle, high] = corners.slice(band, band + 3) as [number, number, number];
      const all = Array.from({ length: bins }, (_, bin) => {
        const hertz = (bin * rate) / 2 / (bins - 1);
        const share = Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle));
        return (Math.max(share, 0) * 2) / (high - low);
      });
      const first = Math.max(all.findIndex((weight) => weight > 0), 0);
      const last = all.findLastIndex((weight) => weight > 0);
      return { first, weights: all.slice(first, last + 1) };
    });
  }

  /** Rows of `feature_size` for each moment; a sound is cut or followed by silence to `n_samples`. */
  hear(wave: Float32Array): Float32Array {
    const { n_fft: size, n_samples: samples, hop_length: hop, feature_size: count } = this.config;
    const half = size / 2;
    const [even, odd, power] = [new Float64Array(half + 1), new Float64Array(half + 1), new Float64Array(half + 1)];
    // Beyond both ends stands the sound's mirror image.
    const sample = (at: number): number => {
      const inside = at < 0 ? -at : at >= samples ? 2 * (samples - 1) - at : at;
      return wave[inside] ?? 0;
    };
    const seen = new Float32Array(this.frames * count);
    let loudest = -Infinity;
    for (let frame = 0; frame < this.frames; frame++) {
      const from = frame * hop - half;
      for (let at = 0; at <= half; at++) {
        const there = at === 0 || at === half ? 0 : sample(from + size - at) * (this.window[size - at] as number);
        const here = sample(from + at) * (this.window[at] as number);
        even[at] = here + there;
        odd[at] = here - there;
      }
      this.spectrum(even, odd, power);
      for (const [band, { first, weights }] of this.bands.entries()) {
        let sum = 0;
        for (let at = 0; at < weights.length; at++) sum += (weights[at] as number) * (power[first + at] as number);
        const level = Math.log10(Math.max(sum, 1e-10));
        seen[frame * count + band] = level;
        loudest = Math.max(loudest, level);
      }
    }
    return seen.map((level) => (Math.max(level, loudest - 8) + 4) / 4);
  }

  /** The power at each frequency of a real sound, from its even and its odd half. */
  private spectrum(even: Float64Array, odd: Float64Array, power: Float64Array): void {
    const width = even.length;
    for (let bin = 0; bin < width; bin++) {
      let real = 0;
      let imaginary = 0;
      for (let at = 0, to = bin * width; at < width; at++, to++) {
        real += (even[at] as number) * (this.cosines[to] as number);
        imaginary += (odd[at] as number) * (this.sines[to] as number);
      }
      power[bin] = real * real + imaginary * imaginary;
    }
  }
}
