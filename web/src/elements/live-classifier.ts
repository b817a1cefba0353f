import { bars } from "../bars";
import { brief, h, unique } from "../dom";
import type { Stage } from "../element";
import { likeliest } from "../numerics/softmax";
import { provenance } from "../provenance";
import { call } from "../runtime";
import type { Classified } from "../worker/text";

const NAME = "sentiment-head";
const SAMPLES = [
  "I expected little and got far more.",
  "It does what the box says, for about a week.",
  "Great, another update that makes it slower.",
];

/** Label, probabilities and milliseconds of what the reader types, as they type. */
export async function start({ host, panel, signal, progress, say, fail }: Stage): Promise<void> {
  const loading = await call("text", "load", { name: NAME }, { signal, progress });

  const field = unique("text");
  const text = h("textarea", { id: field, rows: 3, dir: "auto", spellcheck: false, oninput: () => void ask() });
  const answer = h("p", {}, "");
  const chart = h("div", { class: "bars" });
  const note = h("p", { class: "quiet" });
  const pieces = h("ol", { class: "pieces" });
  const details = h("details", {}, h("summary", {}, "What the model sees: word pieces"), pieces);
  const samples = SAMPLES.map((sample) =>
    h(
      "button",
      {
        type: "button",
        class: "small",
        onclick: () => {
          text.value = sample;
          void ask();
        },
      },
      sample,
    ),
  );
  panel.append(
    h("label", { for: field }, "Type a sentence"),
    text,
    h("div", { class: "row" }, ...samples),
    answer,
    chart,
    note,
    details,
    provenance(NAME),
  );

  let busy = false;
  let announced: ReturnType<typeof setTimeout> | undefined;

  /** One question at a time; while it is answered, only the newest text waits. */
  async function ask(): Promise<void> {
    if (busy) return;
    busy = true;
    try {
      for (let asked: string | undefined; asked !== text.value; ) {
        asked = text.value;
        if (asked.trim()) show(await call("text", "classify", { name: NAME, text: asked }, { signal }));
        else clear();
      }
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
    }
  }

  function clear(): void {
    answer.textContent = `Loaded in ${(loading / 1000).toFixed(1)} s. Type, or press one of the sentences.`;
    for (const each of [chart, pieces]) each.replaceChildren();
    details.hidden = true;
    note.textContent = "";
    host.dispatchEvent(new CustomEvent("live-answer", { detail: null }));
  }

  function show({ labels, probabilities, pieces: seen, cut, milliseconds }: Classified): void {
    const best = likeliest(probabilities);
    const label = labels[best] ?? "";
    const sure = (probabilities[best] ?? 0).toFixed(2);
    answer.replaceChildren(h("strong", {}, label), ` ${sure} · ${milliseconds.toFixed(0)} ms`);
    chart.replaceChildren(...bars(labels, probabilities, 4));
    note.textContent = cut ? `The model reads ${seen.length} word pieces; the rest of your text was left out.` : "";
    details.hidden = false;
    pieces.replaceChildren(...seen.slice(0, 200).map((piece) => h("li", {}, brief(piece))));
    host.dispatchEvent(new CustomEvent("live-answer", { detail: { label, probabilities, milliseconds } }));
    // A screen reader hears the answer when the typing pauses, not each letter's.
    clearTimeout(announced);
    announced = setTimeout(() => say(`${label}, ${sure}`), 700);
  }

  clear();
}
