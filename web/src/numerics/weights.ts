/** Tensors of a safetensors file as the book stores them, in single precision: `toolkit/hub.py` says how. */
interface Entry {
  dtype: "F32" | "F16" | "I8";
  shape: number[];
  data_offsets: [from: number, to: number];
}

const SCALE = ".row_scale";
const SIZE = { F32: 4, F16: 2, I8: 1 };

export class Weights {
  private readonly entries: Record<string, Entry>;
  private readonly body: number;
  private readonly ready = new Map<string, Float32Array>();

  /** Raises an Error if `bytes` is no safetensors file. */
  constructor(private readonly bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    this.body = 8 + Number(view.getBigUint64(0, true));
    this.entries = JSON.parse(new TextDecoder().decode(bytes.subarray(8, this.body))) as Record<string, Entry>;
  }

  has(name: string): boolean {
    return name in this.entries;
  }

  shape(name: string): number[] {
    return this.entry(name).shape;
  }

  /** The tensor's numbers, rows one after another. Do not write into them. */
  get(name: string): Float32Array {
    let found = this.ready.get(name);
    if (!found) {
      found = this.unpack(name);
      this.ready.set(name, found);
    }
    return found;
  }

  private entry(name: string): Entry {
    const entry = this.entries[name];
    if (!entry) throw new Error(`the weights have no ${name}`);
    return entry;
  }

  private unpack(name: string): Float32Array {
    const { dtype, shape, data_offsets } = this.entry(name);
    const [from, to] = data_offsets;
    // A copy: within the file, a tensor may start where no array of its type can.
    const raw = this.bytes.slice(this.body + from, this.body + to).buffer;
    if (raw.byteLength % SIZE[dtype]) throw new Error(`${name} has a broken length`);
    if (dtype === "F32") return new Float32Array(raw);
    if (dtype === "F16") return Float32Array.from(new Uint16Array(raw), half);
    const steps = new Int8Array(raw);
    const scale = this.get(name + SCALE);
    const columns = steps.length / (shape[0] as number);
    return Float32Array.from(steps, (step, at) => step * (scale[Math.floor(at / columns)] as number));
  }
}

/** A number of IEEE 754's 16 bits. */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}
