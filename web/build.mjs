// node build.mjs MANIFEST OUT: bundle the scripts and put onnxruntime's WebAssembly beside them.
//
// Twice esbuild: the worker first, whose name, with the models' names and sizes, goes into the pages' scripts.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const [manifestFile, out] = process.argv.slice(2);
if (!manifestFile || !out) {
  console.error("usage: node build.mjs MANIFEST OUT");
  process.exit(2);
}
const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));

const packages = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
const wasm = readFileSync(join(packages, "ort-wasm-simd-threaded.wasm"));
const runtime = `onnxruntime-${createHash("sha256").update(wasm).digest("hex").slice(0, 10)}.bin`;
const packed = gzipSync(wasm, { level: 9 });
writeFileSync(join(out, runtime), packed);
manifest.runtime = runtime;
manifest.bytes[runtime] = [packed.length, wasm.length];

async function bundle(entry, define) {
  const result = await build({
    absWorkingDir: dirname(fileURLToPath(import.meta.url)),
    entryPoints: [entry],
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    metafile: true,
    legalComments: "none",
    logLevel: "warning",
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    define: Object.fromEntries(Object.entries(define).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  return basename(Object.entries(result.metafile.outputs).find(([, file]) => file.entryPoint === entry)[0]);
}

const worker = await bundle("src/worker/worker.ts", { MANIFEST: manifest });
await bundle("src/live.ts", { MANIFEST: manifest, WORKER: worker });
