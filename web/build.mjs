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

const inputs = new Set();

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
  for (const input of Object.keys(result.metafile.inputs)) inputs.add(input);
  return basename(Object.entries(result.metafile.outputs).find(([, file]) => file.entryPoint === entry)[0]);
}

const worker = await bundle("src/worker/worker.ts", { MANIFEST: manifest });
await bundle("src/live.ts", { MANIFEST: manifest, WORKER: worker });

// Whose code went into the scripts, for the page of licences.
const shipped = new Map();
for (const input of [...inputs, "node_modules/onnxruntime-web/"]) {
  const name = input.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
  if (!name || shipped.has(name)) continue;
  const about = JSON.parse(readFileSync(join("node_modules", name, "package.json"), "utf8"));
  const address = about.homepage ?? about.repository.url.replace(/^git\+|\.git$/g, "");
  shipped.set(name, { name, version: about.version, licence: about.license, address });
}
const licensed = [...shipped.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
writeFileSync(join(out, ".packages.json"), JSON.stringify(licensed));

// Copied to the site's root when the pages are written; the list of what it keeps goes before it.
await build({
  absWorkingDir: dirname(fileURLToPath(import.meta.url)),
  entryPoints: ["src/offline.ts"],
  outfile: join(out, ".service-worker.js"),
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});
