/** What every page loads: names, sizes and buttons. What stands behind a button comes when it is pressed. */
import { live, type Demo } from "./element";
import { defineForms } from "./forms";
import { filesOf, manifest } from "./manifest";
import { completeTheme } from "./theme";

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
  "write-on": {
    title: "Write on, token by token",
    about: "Begin a text and let the small GPT go on. At each step you see what it chooses from, and you may choose for it.",
    action: "Load the model",
    files: filesOf("docstring-gpt"),
    wasm: false,
    module: () => import("./elements/write-on"),
  },
  "denoise-it": {
    title: "Take the noise away",
    about: "Give the diffusion model a seed, watch digits come out of the noise, and go back and forth through the steps.",
    action: "Load the model",
    files: filesOf("digit-diffusion"),
    wasm: false,
    module: () => import("./elements/denoise-it"),
  },
  "describe-it": {
    title: "Build a scene",
    about: "Put shapes on the paper. BLIP writes a caption of them, and CLIP scores your own labels.",
    action: "Load both models",
    files: [...filesOf("scene-blip"), ...filesOf("scene-clip"), manifest.extras.scene ?? ""],
    wasm: false,
    module: () => import("./elements/describe-it"),
  },
  "say-it": {
    title: "Say a number",
    about: "Speak, or choose a sound file, and see what the small Whisper sees and what it writes. The sound stays on your machine.",
    action: "Load the model",
    files: [...filesOf("number-whisper"), manifest.extras["spoken-sum"] ?? ""],
    wasm: false,
    module: () => import("./elements/say-it"),
  },
};

for (const [name, demo] of Object.entries(demos)) {
  // Instant navigation may run a page's scripts again.
  if (!customElements.get(name)) customElements.define(name, live(demo));
}

defineForms();
completeTheme();

// Once the page is there and nothing waits; a reader who saves data keeps nothing that was not asked for.
const keeper = document.querySelector<HTMLMetaElement>("meta[name='service-worker.js']");
const thrifty = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData;
if (keeper && !thrifty && "serviceWorker" in navigator) {
  const register = () => void navigator.serviceWorker.register(new URL(keeper.content, document.baseURI)).catch(() => undefined);
  if (document.readyState === "complete") register();
  else addEventListener("load", register, { once: true });
}
