/** What the build put beside the scripts: written by `toolkit/export.py`, completed by `build.mjs`. */
export interface ModelEntry {
  graph: string;
  /** Where the graph says that its tensors lie -> the file that holds them. */
  parts: Record<string, string>;
  tokenizer: string;
  labels: string[];
  /** The Hub's name of the model whose place this one takes. */
  id: string;
  parameters: number;
  /** Whether these are the very weights that the Hub has under `id`. */
  original: boolean;
}

/** A model that the page computes itself: written by `toolkit/families.py`. */
export interface FamilyEntry {
  weights: string;
  settings: string;
  id: string;
  parameters: number;
  /** Of a stored weight. */
  bits: number;
}

export interface Manifest {
  models: Record<string, ModelEntry>;
  families: Record<string, FamilyEntry>;
  /** What demos need besides models, name -> file. */
  extras: Record<string, string>;
  digits: string;
  runtime: string;
  /** File -> bytes as sent, bytes unpacked. */
  bytes: Record<string, [sent: number, unpacked: number]>;
}

declare const MANIFEST: Manifest;

export const manifest: Manifest = MANIFEST;

export function model(name: string): ModelEntry {
  const entry = manifest.models[name];
  if (!entry) throw new Error(`the build has no model ${name}`);
  return entry;
}

/** Every file that a model needs before its first answer. */
export function filesOf(name: string): string[] {
  const family = manifest.families[name];
  if (family) return [family.settings, family.weights];
  const { graph, parts, tokenizer } = model(name);
  return [manifest.runtime, tokenizer, graph, ...Object.values(parts)];
}

/** Bytes sent for some files, in MB of 10^6 bytes, rounded up so that no promise is broken. */
export function megabytes(files: Iterable<string>): number {
  let sum = 0;
  for (const file of new Set(files)) sum += manifest.bytes[file]?.[0] ?? 0;
  return Math.ceil(sum / 1e5) / 10;
}
