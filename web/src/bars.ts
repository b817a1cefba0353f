import { brief, h } from "./dom";

/** A bar for each name, cut at `most` characters, in rows for a grid of class "bars"; the likeliest in the colour of the forge. */
export function bars(names: string[], probabilities: ArrayLike<number>, digits = 2, most = 30): Node[] {
  const all = Array.from(probabilities);
  const largest = Math.max(...all);
  return names.flatMap((name, index) => {
    const chance = all[index] ?? 0;
    const filled = h("span", chance === largest ? { class: "first" } : {});
    filled.style.setProperty("transform", `scaleX(${chance})`);
    return [
      h("span", { dir: "auto" }, brief(name, most)),
      h("span", { class: "bar", "aria-hidden": "true" }, filled),
      h("span", { class: "number" }, chance.toFixed(digits)),
    ];
  });
}
