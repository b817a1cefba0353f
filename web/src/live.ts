/** What every page loads: names, sizes and buttons. What stands behind a button comes when it is pressed. */
import { live, type Demo } from "./element";
import { defineForms } from "./forms";
import { filesOf, manifest } from "./manifest";

const demos: Record<string, Demo> = {
  "live-classifier": {
    title: "Your own sentence",
    about: "Run the same model in this page and type. What you write stays on your machine.",
    action: "Load the model",
    files: filesOf("sentiment-head"),
    wasm: true,
    module: () => import("./elements/live-classifier"),
  },
  "teach-it": {
    title: "Teach it your own classes",
    about: "A frozen model reads your examples, a head of your own learns from them, and none of it leaves your machine.",
    action: "Load the model",
    files: filesOf("all-MiniLM-L6-v2"),
    wasm: true,
    module: () => import("./elements/teach-it"),
  },
  "forge-it": {
    title: "Forge it yourself",
    about: "Watch random weights learn to read digits, step by step, then draw one and ask.",
    action: "Light the fire",
    files: [manifest.digits],
    wasm: false,
    module: () => import("./elements/forge-it"),
  },
  "quantise-it": {
    title: "How few bits will do?",
    about: "Take bits from the weights of a trained network and count what it still reads, here and now.",
    action: "Load the network",
    files: [manifest.digits],
    wasm: false,
    module: () => import("./elements/quantise-it"),
  },
};

for (const [name, demo] of Object.entries(demos)) {
  // Instant navigation may run a page's scripts again.
  if (!customElements.get(name)) customElements.define(name, live(demo));
}

defineForms();
