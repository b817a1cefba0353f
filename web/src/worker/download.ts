import { manifest } from "../manifest";
import { Problem } from "../problem";

/** Bytes that have arrived, of all that one load needs. */
export type Progress = (arrived: number, total: number) => void;

const STORE = "live-models-1";
let tidied = false;
const kept = new Map<string, Uint8Array>();

/**
 * The unpacked content of some files of the site, from this worker, the browser's cache or the network.
 *
 * Names tell contents apart, so a file that is in the cache is never asked for again: a second visit, and
 * a second demo with the same layers, work offline. Raises a Problem of kind "network" or "stopped".
 */
export async function download(files: string[], progress: Progress, signal: AbortSignal): Promise<Uint8Array[]> {
  const total = files.reduce((sum, file) => sum + (manifest.bytes[file]?.[0] ?? 0), 0);
  const arrived = new Map<string, number>();
  const report = (file: string, bytes: number): void => {
    arrived.set(file, bytes);
    progress([...arrived.values()].reduce((sum, each) => sum + each, 0), total);
  };
  return Promise.all(files.map((file) => one(file, (bytes) => report(file, bytes), signal)));
}


async function one(file: string, report: (bytes: number) => void, signal: AbortSignal): Promise<Uint8Array> {
  const [sent, unpacked] = manifest.bytes[file] ?? [0, 0];
  let content = kept.get(file);
  if (!content) {
    const store = await openStore();
    const address = new URL(file, import.meta.url).href;
    const stored = await store?.match(address);
    const packed = stored ? new Uint8Array(await stored.arrayBuffer()) : await fetched(address, report, signal);
    content = await unpack(packed);
    if (content.length !== unpacked) throw new Problem("network", `${file} arrived damaged`);
    // A full disk must not keep the reader from the answer.
    if (!stored) await store?.put(address, new Response(packed as BlobPart)).catch(() => undefined);
    if (content.length < 1e6) kept.set(file, content);
  }
  report(sent);
  return content;
}

async function openStore(): Promise<Cache | undefined> {
  try {
    const store = await caches.open(STORE);
    if (!tidied) {
      tidied = true;
      // What an earlier version of the site left behind.
      const names = new Set(Object.keys(manifest.bytes).map((file) => new URL(file, import.meta.url).href));
      for (const { url } of await store.keys()) if (!names.has(url)) await store.delete(url);
    }
    return store;
  } catch {
    return undefined; // no secure context, or storage is forbidden
  }
}

async function fetched(address: string, report: (bytes: number) => void, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(address, { signal });
  if (!response.ok || !response.body) throw new Problem("network", `${address} answered ${response.status}`);
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    report(length);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

async function unpack(content: Uint8Array): Promise<Uint8Array> {
  // Some hosts say that a file is gzip, and then the browser has unpacked it already.
  if (content[0] !== 0x1f || content[1] !== 0x8b) return content;
  try {
    const plain = new Blob([content as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (error) {
    throw Problem.of(error).kind === "memory" ? error : new Problem("network", "a file arrived damaged");
  }
}
