/** The one worker of a page: rooms of methods, each fetched when it is first asked for. */
import { Problem, type Kind } from "../problem";
import type { Context } from "./room";

const rooms = {
  text: () => import("./text"),
  head: () => import("./head"),
  digits: () => import("./digits"),
  write: () => import("./write"),
  denoise: () => import("./denoise"),
  describe: () => import("./describe"),
  listen: () => import("./listen"),
};

export type Rooms = { [Room in keyof typeof rooms]: Awaited<ReturnType<(typeof rooms)[Room]>> };

export type Asked =
  | { id: number; room: keyof Rooms; method: string; argument: unknown }
  | { id: number; stop: true };

export type Answered =
  | { id: number; result: unknown }
  | { id: number; problem: { kind: Kind; message: string } }
  | { id: number; progress: [arrived: number, total: number] }
  | { id: number; told: unknown };

const scope = self as unknown as DedicatedWorkerGlobalScope;
const running = new Map<number, AbortController>();

scope.onmessage = async ({ data }: MessageEvent<Asked>) => {
  if ("stop" in data) {
    running.get(data.id)?.abort();
    return;
  }
  const { id, room, method, argument } = data;
  const answer = (message: Answered): void => scope.postMessage(message);
  const controller = new AbortController();
  running.set(id, controller);
  const context: Context = {
    signal: controller.signal,
    progress: (arrived, total) => answer({ id, progress: [arrived, total] }),
    tell: (told) => answer({ id, told }),
  };
  try {
    const methods = (await rooms[room]()) as unknown as Record<string, (argument: unknown, context: Context) => unknown>;
    const found = methods[method];
    if (!found) throw new Problem("bug", `no method ${method} in ${room}`);
    answer({ id, result: await found(argument, context) });
  } catch (error) {
    const { kind, message } = Problem.of(controller.signal.aborted ? new Problem("stopped", "") : error);
    answer({ id, problem: { kind, message } });
  } finally {
    running.delete(id);
  }
};
