/** Elements that ask and compute, with nothing to download: their module comes when a page holds one. */
type Mount = (host: HTMLElement, signal: AbortSignal) => void;

const forms: Record<string, () => Promise<{ mount: Mount }>> = {
  "should-i-train": () => import("./elements/should-i-train"),
  "training-cost": () => import("./elements/training-cost"),
  "serving-cost": () => import("./elements/serving-cost"),
  "quiz-set": () => import("./elements/quiz-set"),
};

function form(load: () => Promise<{ mount: Mount }>): typeof HTMLElement {
  return class extends HTMLElement {
    private leaving: AbortController | undefined;

    connectedCallback(): void {
      this.leaving = new AbortController();
      const { signal } = this.leaving;
      // What stands in the element is read by `mount`: it has to be parsed first.
      const ready = document.readyState === "loading" ? new Promise((done) => addEventListener("DOMContentLoaded", done, { once: true, signal })) : undefined;
      Promise.all([load(), ready]).then(
        ([{ mount }]) => signal.aborted || mount(this, signal),
        // Without its module the element keeps showing what it came with, which points to the snippet.
        () => undefined,
      );
    }

    disconnectedCallback(): void {
      this.leaving?.abort();
    }
  };
}

export function defineForms(): void {
  for (const [name, load] of Object.entries(forms)) {
    if (!customElements.get(name)) customElements.define(name, form(load));
  }
}
