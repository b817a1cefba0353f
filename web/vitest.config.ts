import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

// The numbers are checked on the very files that the site serves.
const manifest = JSON.parse(readFileSync(new URL("../.cache/live/models/manifest.json", import.meta.url), "utf8"));

export default defineConfig({
  define: { MANIFEST: JSON.stringify({ runtime: "none", ...manifest }), WORKER: '"none"' },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000, pool: "forks", maxWorkers: 1 },
});
