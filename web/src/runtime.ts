/** The page's side of the worker: one for all demos, started by the first and ended with the last. */
import { Problem } from "./problem";
import type { Answered, Asked, Rooms } from "./worker/worker";

declare const WORKER: string;

type Methods<Room extends keyof Rooms> = Rooms[Room];
type Argument<F> = F extends (argument: infer A, ...rest: never[]) => unknown ? A : never;
type Result<F> = F extends (...all: never[]) => infer R ? Awaited<R> : never;

export interface Listening {
  signal?: AbortSignal;
  progress?: (arrived: number, total: number) => void;
  told?: (what: unknown) => void;
}

interface Waiting extends Listening {
  resolve: (result: never) => void;
  reject: (problem: Problem) => void;
}

let worker: Worker | undefined;
let asked = 0;
const users = new Set<object>();
const waiting = new Map<number, Waiting>();

/** Keep the worker alive for `user`, which must `release` it. */
export function acquire(user: object): void {
  users.add(user);
}

export function release(user: object): void {
  users.delete(user);
  if (users.size === 0) end(new Problem("stopped", "the last demo left the page"));
}

/** Ask the worker. Raises a Problem. */
export function call<Room extends keyof Rooms, Name extends keyof Methods<Room> & string>(
  room: Room,
  method: Name,
  argument: Argument<Methods<Room>[Name]>,
  listening: Listening = {},
): Promise<Result<Methods<Room>[Name]>> {
  return new Promise((resolve, reject) => {
    if (listening.signal?.aborted) {
      reject(new Problem("stopped", ""));
      return;
    }
    const id = ++asked;
    waiting.set(id, { ...listening, resolve, reject });
    post({ id, room, method, argument });
    listening.signal?.addEventListener("abort", () => waiting.has(id) && post({ id, stop: true }), { once: true });
  });
}

function post(message: Asked): void {
  worker ??= start();
  worker.postMessage(message);
}

function start(): Worker {
  const started = new Worker(new URL(WORKER, import.meta.url), { type: "module", name: "live" });
  started.onmessage = ({ data }: MessageEvent<Answered>) => {
    const found = waiting.get(data.id);
    if (!found) return;
    if ("progress" in data) found.progress?.(...data.progress);
    else if ("told" in data) found.told?.(data.told);
    else {
      waiting.delete(data.id);
      if ("result" in data) found.resolve(data.result as never);
      else found.reject(new Problem(data.problem.kind, data.problem.message));
    }
  };
  // Also when its script can't be fetched, of which the event says nothing.
  started.onerror = (event) => end(event.message ? Problem.of(event.message) : new Problem("network", WORKER));
  return started;
}

function end(problem: Problem): void {
  worker?.terminate();
  worker = undefined;
  const left = [...waiting.values()];
  waiting.clear();
  for (const each of left) each.reject(problem);
}

/** Whether a worker is running: for tests, and for nothing else. */
export function alive(): boolean {
  return worker !== undefined;
}
