import type { Progress } from "./download";

/** What a method of a room may use while it works. */
export interface Context {
  /** Aborted when the reader presses Stop. */
  signal: AbortSignal;
  /** Tells the page how much has been downloaded. */
  progress: Progress;
  /** Sends the page something before the method has ended, such as the loss after a step. */
  tell: (what: unknown) => void;
}

export type Method<A, R> = (argument: A, context: Context) => R | Promise<R>;
