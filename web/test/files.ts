import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A file of the site, unpacked. */
export function served(name: string): Buffer {
  return gunzipSync(readFileSync(`${root}/.cache/live/models/${name}`));
}

/** What a Python program prints as JSON, with `input` on its standard input. */
export function python<T>(program: string, input: unknown): T {
  const executable = process.env.PYTHON ?? `${root}/.venv/bin/python`;
  const said = execFileSync(executable, ["-c", program], { cwd: root, input: JSON.stringify(input), maxBuffer: 1e9 });
  return JSON.parse(said.toString()) as T;
}
