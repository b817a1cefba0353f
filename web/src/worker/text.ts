/** Sentences in, labels or vectors out. */
import { Tokenizer } from "@huggingface/tokenizers";
import * as onnx from "onnxruntime-web/wasm";
import { manifest, model } from "../manifest";
import { softmax } from "../numerics/softmax";
import { Problem } from "../problem";
import { download } from "./download";
import type { Context } from "./room";

interface Loaded {
  session: onnx.InferenceSession;
  tokenizer: Tokenizer;
  labels: string[];
}

const loaded = new Map<string, Promise<Loaded>>();
let queue: Promise<unknown> = Promise.resolve();

/** Fetch a model, once for all demos of a page. Returns the milliseconds that it took. */
export async function load({ name }: { name: string }, context: Context): Promise<number> {
  const begun = performance.now();
  for (;;) {
    let found = loaded.get(name);
    if (!found) {
      found = open(name, context);
      loaded.set(name, found);
      found.catch(() => loaded.delete(name));
    }
    try {
      await found;
      return performance.now() - begun;
    } catch (error) {
      // Another demo began this load, and was stopped: begin it again.
      if (Problem.of(error).kind !== "stopped" || context.signal.aborted) throw error;
    }
  }
}

async function open(name: string, { progress, signal }: Context): Promise<Loaded> {
  if (typeof WebAssembly === "undefined") throw new Problem("wasm", "WebAssembly is not defined");
  const { graph, parts, tokenizer, labels } = model(name);
  const paths = Object.keys(parts);
  const files = [tokenizer, graph, ...Object.values(parts), ...(onnx.env.wasm.wasmBinary ? [] : [manifest.runtime])];
  const [words, proto, ...tensors] = await download(files, progress, signal);
  if (!words || !proto) throw new Problem("bug", "a file is missing");
  if (!onnx.env.wasm.wasmBinary) {
    onnx.env.wasm.numThreads = 1; // more would need headers that a static host does not send
    onnx.env.logLevel = "error";
    onnx.env.wasm.wasmBinary = tensors.at(-1)?.buffer as ArrayBuffer;
  }
  const session = await onnx.InferenceSession.create(proto, {
    executionProviders: ["wasm"],
    externalData: paths.map((path, index) => ({ path, data: tensors[index] as Uint8Array })),
  });
  // The first run is slower than all others; let it not be the reader's.
  await run(session, [101, 2023, 2003, 102]);
  const both = JSON.parse(new TextDecoder().decode(words)) as { tokenizer: object; config: object };
  return { session, tokenizer: new Tokenizer(both.tokenizer, both.config), labels };
}

async function get(name: string): Promise<Loaded> {
  const found = loaded.get(name);
  if (!found) throw new Problem("bug", `${name} is used before it is loaded`);
  return found;
}

/** Ids of a text as Python's tokenizer gives them, at most `most`, with the end mark kept. */
function ids(tokenizer: Tokenizer, text: string, most: number): { ids: number[]; cut: boolean } {
  const all = tokenizer.encode(text).ids;
  if (all.length <= most) return { ids: all, cut: false };
  return { ids: [...all.slice(0, most - 1), all.at(-1) as number], cut: true };
}

/** onnxruntime answers one call at a time. */
function run(session: onnx.InferenceSession, tokens: number[]): Promise<Float32Array> {
  const answer = queue.then(async () => {
    const input = new onnx.Tensor("int32", Int32Array.from(tokens), [1, tokens.length]);
    const { answer } = await session.run({ tokens: input });
    return answer?.data as Float32Array;
  });
  queue = answer.catch(() => undefined);
  return answer;
}

/** A label's probability, in the order of the model's labels. */
export interface Classified {
  labels: string[];
  probabilities: number[];
  /** Word pieces as the model sees them, at most 512. */
  pieces: string[];
  /** Whether the text was longer than the model reads. */
  cut: boolean;
  milliseconds: number;
}

const MOST = 512;
/** A word piece is at least one character, and few words of a text are longer than this many on average. */
const MOST_CHARACTERS = MOST * 40;

export async function classify({ name, text }: { name: string; text: string }): Promise<Classified> {
  const { session, tokenizer, labels } = await get(name);
  const begun = performance.now();
  const seen = ids(tokenizer, text.slice(0, MOST_CHARACTERS), MOST);
  const probabilities = softmax(await run(session, seen.ids));
  const milliseconds = performance.now() - begun;
  const pieces = seen.ids.map((id) => tokenizer.id_to_token(id) ?? "");
  const cut = seen.cut || text.length > MOST_CHARACTERS;
  return { labels, probabilities: [...probabilities], pieces, cut, milliseconds };
}

export interface Embedded {
  /** One row of unit length for each text. */
  vectors: Float32Array[];
  milliseconds: number;
}

/** Vectors of length one. sentence-transformers cuts a text after 256 word pieces, and so does this. */
export async function embed({ name, texts }: { name: string; texts: string[] }, { tell }: Context): Promise<Embedded> {
  const { session, tokenizer } = await get(name);
  const begun = performance.now();
  const vectors: Float32Array[] = [];
  for (const text of texts) {
    const seen = ids(tokenizer, text.slice(0, MOST_CHARACTERS), 256);
    vectors.push((await run(session, seen.ids)).slice());
    tell(vectors.length);
  }
  return { vectors, milliseconds: performance.now() - begun };
}
