/**
 * The service worker: after a first visit the chapter opens without a network.
 *
 * What changes under the same name comes from the network while there is one, so that a reader never sees
 * yesterday's page; what has its content's hash in its name comes from the cache. Models are not its business:
 * they are kept by the demo whose button said how large they are.
 */
export {};

interface Book {
  /** Of all files together: another one is another cache. */
  version: string;
  /** What the chapter consists of, as addresses below the worker's own. */
  files: string[];
}

declare const self: ServiceWorkerGlobalScope & { BOOK: Book };

const { version, files } = self.BOOK;
const PREFIX = "chapter-";
const CACHE = PREFIX + version;
const HASHED = /[-.][0-9a-zA-Z]{8,}\.(min\.)?(js|css|svg|png|flac|wav)$/;
const MODEL = /\.bin$/;

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const here = request.url.startsWith(self.registration.scope);
  if (request.method !== "GET" || !here || MODEL.test(new URL(request.url).pathname)) return;
  event.respondWith(HASHED.test(new URL(request.url).pathname) ? cacheFirst(request) : networkFirst(request));
});

/** All files or none: a half-kept chapter would break where a reader can't see why. */
async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(files.map((file) => new Request(new URL(file, self.registration.scope), { cache: "no-cache" })));
}

async function cacheFirst(request: Request): Promise<Response> {
  return (await stored(request)) ?? fetch(request);
}

async function networkFirst(request: Request): Promise<Response> {
  try {
    // A host that names no age lets a browser guess one, and a page would stay old for as long.
    return await fetch(request, { cache: "no-cache" });
  } catch (error) {
    const found = await stored(request);
    if (found) return found;
    if (request.mode !== "navigate") throw error;
    return new Response(AWAY, { status: 503, headers: { "content-type": "text/html; charset=utf-8" } });
  }
}

async function stored(request: Request): Promise<Response | undefined> {
  const cache = await caches.open(CACHE);
  return cache.match(request, { ignoreSearch: true, ignoreVary: true });
}

const AWAY = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>No network</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}</style>
<h1>No network</h1><p>The chapter’s pages are kept on this device; this one is not.
<a href="${new URL("./", self.registration.scope).pathname}">Go to the start of the chapter.</a></p>`;
