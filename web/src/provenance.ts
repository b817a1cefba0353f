import { h } from "./dom";
import { manifest, model } from "./manifest";

/** Which weights speak, in the words that stand under a recorded output. */
export function provenance(name: string): HTMLElement {
  const { id, parameters, original, bits } = { original: false, bits: 8, ...(manifest.families[name] ?? model(name)) };
  const size = `${(parameters / 1e6).toFixed(1)} M parameters, here in ${bits} bit`;
  const line = h("p", { class: "quiet" }, "Weights: ");
  if (original) line.append(h("code", {}, id), `, ${size}.`);
  else line.append(`embedded weights ${name}, ${size}, standing in for `, h("code", {}, id), ".");
  line.append(" Everything runs on your machine; nothing you type leaves this page.");
  return line;
}
