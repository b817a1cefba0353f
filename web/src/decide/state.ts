/** State in the address: `#should-i-train:model_exists=yes&missing=facts,domain`, and nothing of it is trusted. */
const longest = 2000;

/** The named values behind `#name:`, decoded; only keys that are known, and only short ones. */
export function readState(name: string, keys: string[], hash = location.hash): Map<string, string> {
  const found = new Map<string, string>();
  const prefix = `#${name}:`;
  if (!hash.startsWith(prefix) || hash.length > longest) return found;
  for (const part of hash.slice(prefix.length).split("&")) {
    const [key = "", value = ""] = part.split("=", 2);
    if (!keys.includes(key) || found.has(key)) continue;
    try {
      found.set(key, decodeURIComponent(value));
    } catch {
      // A percent sign that stands for nothing.
    }
  }
  return found;
}

export function stateHash(name: string, values: Iterable<[string, string]>): string {
  const parts = [...values].map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  return parts.length ? `#${name}:${parts.join("&")}` : "";
}

/** Put the state into the address bar without a step in the history, and without moving the page. */
export function writeState(hash: string): void {
  history.replaceState(history.state, "", hash || location.pathname + location.search);
}

/** The figures that the build has put beside the element. */
export function dataOf<Data>(host: HTMLElement): Data {
  return JSON.parse(host.querySelector('script[type="application/json"]')?.textContent ?? "null") as Data;
}
