/** What can keep a demo from running, in a form that crosses from the worker to the page. */
export type Kind = "network" | "memory" | "wasm" | "stopped" | "bug";

export class Problem extends Error {
  constructor(
    readonly kind: Kind,
    message: string,
  ) {
    super(message);
    this.name = "Problem";
  }

  /** Sort any error into its kind: engines and onnxruntime tell them apart by their words alone. */
  static of(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (/AbortError/.test(said)) return new Problem("stopped", said);
    if (/out of memory|bad_alloc|allocation failed|Array buffer allocation|Invalid array length/i.test(said)) {
      return new Problem("memory", said);
    }
    if (/CompileError|LinkError|no available backend|WebAssembly is not defined|wasm-unsafe-eval/i.test(said)) {
      return new Problem("wasm", said);
    }
    if (/NetworkError|Failed to fetch|Load failed|network error/i.test(said)) return new Problem("network", said);
    return new Problem("bug", said);
  }

  /** One sentence for the reader: what is wrong, and what to do next. */
  get sentence(): string {
    switch (this.kind) {
      case "network":
        return "The model could not be fetched: check your connection, then press the button again.";
      case "memory":
        return "This device has too little memory left for the model: close other tabs, then press the button again.";
      case "wasm":
        return "This browser runs no WebAssembly, which the model needs: the recorded output shows what it answers.";
      case "stopped":
        return "Stopped.";
      case "bug":
        return `It failed (${this.message.slice(0, 160)}): reload the page, then press the button again.`;
    }
  }
}
