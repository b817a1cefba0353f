/** What every page loads: names, sizes and buttons. What stands behind a button comes when it is pressed. */
import { live, type Demo } from "./element";
import { defineForms } from "./forms";
import { filesOf } from "./manifest";

const demos: Record<string, Demo> = {
  "live-classifier": {
    title: "Your own sentence",
    about: "Run the same model in this page and type. What you write stays on your machine.",
    action: "Load the model",
    files: filesOf("sentiment-head"),
    wasm: true,
    module: () => import("./elements/live-classifier"),
  },
};

for (const [name, demo] of Object.entries(demos)) {
  // Instant navigation may run a page's scripts again.
  if (!customElements.get(name)) customElements.define(name, live(demo));
}

defineForms();
