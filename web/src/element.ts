import { h, unique } from "./dom";
import { megabytes } from "./manifest";
import { Problem } from "./problem";
import { sheet } from "./style";

/** What a demo's own module gets to work with, once the reader has pressed the button. */
export interface Stage {
  /** The custom element: the worker is kept alive in its name. */
  host: HTMLElement;
  /** Where the demo draws itself; shown when `start` has ended. */
  panel: HTMLElement;
  /** Aborted when the element leaves the page or the reader presses Stop. */
  signal: AbortSignal;
  /** For `call`: shows what has been downloaded. */
  progress: (arrived: number, total: number) => void;
  /** Say something to a screen reader that a sighted reader sees anyway. */
  say: (text: string) => void;
  /** Show what went wrong, in one sentence. */
  fail: (error: unknown) => void;
}

export interface Demo {
  title: string;
  /** One sentence above the button: what the reader can do. */
  about: string;
  /** What the button says, before the MB. */
  action: string;
  /** Files that the button makes the browser fetch. */
  files: string[];
  wasm: boolean;
  module: () => Promise<{ start: (stage: Stage) => Promise<void> }>;
}

/** A class for a custom element that wraps its recorded output and offers the demo below it. */
export function live(demo: Demo): typeof HTMLElement {
  return class extends LiveElement {
    protected override readonly demo = demo;
  };
}

abstract class LiveElement extends HTMLElement {
  protected abstract readonly demo: Demo;
  private stopping: AbortController | undefined;

  connectedCallback(): void {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet()];
      // A page that the browser keeps for its Back button must not keep a worker with it.
      addEventListener("pagehide", () => this.isConnected && this.leave());
    }
    if (!this.stopping) this.offer();
  }

  disconnectedCallback(): void {
    // Moved within the page, it is connected again by then.
    queueMicrotask(() => this.isConnected || this.leave());
  }

  private leave(): void {
    this.stopping?.abort();
    this.stopping = undefined;
    void import("./runtime").then(({ release }) => release(this));
    this.offer();
  }

  /** Draw the state before the button, with a sentence if something went wrong. */
  private offer(problem?: Problem): HTMLButtonElement {
    const { title, about, action, files } = this.demo;
    const size = megabytes(files);
    const name = unique("title");
    const button = h("button", { type: "button", class: "main", onclick: () => void this.begin() }, `${action} (${size} MB)`);
    const alert = h("p", { role: "alert", class: "wrong" });
    this.shadowRoot?.replaceChildren(
      h("slot"),
      h(
        "section",
        { "aria-labelledby": name },
        h("p", { class: "title", id: name }, title),
        h("p", {}, about),
        h("div", { class: "row" }, button),
        alert,
      ),
    );
    // Filled after it is in the page, or a screen reader would not announce it.
    if (problem) alert.textContent = problem.sentence;
    return button;
  }

  private async begin(): Promise<void> {
    const { demo } = this;
    const stopping = new AbortController();
    this.stopping = stopping;
    const name = unique("title");
    const bar = h("progress", { max: 1, "aria-label": "Download" });
    const amount = h("span", { class: "number" }, "…");
    const said = h("p", { role: "status", class: "hidden" });
    const stop = h("button", { type: "button", onclick: () => stopping.abort() }, "Stop");
    const loading = h("div", { class: "row" }, h("span", { class: "grow" }, bar), amount, stop);
    const wrong = h("p", { role: "alert", class: "wrong" });
    const panel = h("div", { hidden: true });
    const title = h("p", { class: "title", id: name, tabindex: -1 }, demo.title);
    this.shadowRoot?.replaceChildren(
      h("slot"),
      h("section", { "aria-labelledby": name }, title, loading, panel, wrong, said),
    );
    stop.focus({ preventScroll: true });
    said.textContent = "Loading.";
    const stage: Stage = {
      host: this,
      panel,
      signal: stopping.signal,
      progress: (arrived, total) => {
        bar.value = arrived / total;
        amount.textContent = `${(arrived / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
      },
      say: (text) => {
        said.textContent = text;
      },
      fail: (error) => {
        const problem = Problem.of(error);
        wrong.textContent = problem.kind === "stopped" ? "" : problem.sentence;
      },
    };
    try {
      if (demo.wasm && typeof WebAssembly === "undefined") throw new Problem("wasm", "");
      const { acquire } = await import("./runtime");
      acquire(this);
      const { start } = await demo.module();
      await start(stage);
      stopping.signal.throwIfAborted();
      loading.remove();
      panel.hidden = false;
      stage.say("Ready.");
      const first = panel.querySelector<HTMLElement>("textarea, input, button, select, canvas[tabindex]");
      (first ?? title).focus({ preventScroll: true });
    } catch (error) {
      // Left in the meantime: `leave` has drawn the button again.
      if (this.stopping !== stopping) return;
      this.stopping = undefined;
      void import("./runtime").then(({ release }) => release(this));
      this.offer(Problem.of(error)).focus({ preventScroll: true });
    }
  }
}
