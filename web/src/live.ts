/** What every page loads: names, sizes and buttons. What stands behind a button comes when it is pressed. */
import { live, type Demo } from "./element";
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
