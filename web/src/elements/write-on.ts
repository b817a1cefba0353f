import { brief, h, unique } from "../dom";
import type { Stage } from "../element";
import { provenance } from "../provenance";
import { call } from "../runtime";
import type { Candidate, Next } from "../worker/write";

/** As many tokens as `generate_text.py` asks for, and no run of so many twice. */
const AT_ONCE = 30;
const NO_REPEAT = 3;
/** Milliseconds between two tokens of a run, so that a reader can follow. */
const PACE = 90;
const SAMPLES = ["Return a list of", "Raise an exception if", "If the file"];

/** The reader's text, continued: a step, a run, or the reader's own choice from the bars. */
export async function start({ host, panel, signal, progress, say, fail }: Stage): Promise<void> {
  const { positions, end } = await call("write", "load", {}, { signal, progress });
  const listening = { signal };

  let ids: number[] = [];
  let known: Next | undefined;
  let running: AbortController | undefined;
  let drawing: Promise<void> = Promise.resolve();

  const [field, heat] = [unique("text"), unique("temperature")];
  const text = h("textarea", { id: field, rows: 2, dir: "auto", spellcheck: false, oninput: () => void restart() });
  text.value = SAMPLES[0] ?? "";
  const temperature = h("input", { id: heat, type: "range", min: 0, max: 2, step: 0.1, value: 0, oninput: () => void turn() });
  const level = h("span", { class: "number" });
  const once = h("input", { type: "checkbox", checked: true, onchange: () => void turn() });
  const written = h("p", { class: "written", dir: "auto" });
  const note = h("p", { class: "quiet" });
  const bars = h("div", { class: "bars", role: "group", "aria-label": "The likeliest next tokens: press one to take it" });
  const about = h("p", { class: "quiet" });
  const step = h("button", { type: "button", onclick: () => void act(1) }, "Step");
  const run = h("button", { type: "button", class: "main", onclick: () => void act(AT_ONCE) }, `Write ${AT_ONCE} tokens`);
  const stop = h("button", { type: "button", disabled: true, onclick: () => running?.abort() }, "Stop");
  const reset = h("button", { type: "button", onclick: () => void restart() }, "Start again");
  const samples = SAMPLES.map((sample) => h("button", { type: "button", class: "small", onclick: () => take(sample) }, sample));
  panel.append(
    h("label", { for: field }, "Begin a text"),
    text,
    h("div", { class: "row" }, ...samples),
    h("div", { class: "row" }, h("label", { for: heat }, "Temperature"), h("span", { class: "grow" }, temperature), level),
    h("label", { class: "row" }, once, h("span", {}, `Never the same ${NO_REPEAT} tokens twice`)),
    h("div", { class: "row" }, run, step, stop, reset),
    written,
    note,
    bars,
    about,
    provenance("docstring-gpt"),
  );

  function take(sample: string): void {
    text.value = sample;
    void restart();
  }

  /** From the reader's text again. */
  async function restart(): Promise<void> {
    running?.abort();
    await turn(true);
  }

  /** Ask what may come next, and show it. One question at a time: what is asked meanwhile waits. */
  function turn(anew = false): Promise<void> {
    drawing = drawing.then(() => ask(anew)).catch(fail);
    return drawing;
  }

  async function ask(anew: boolean): Promise<void> {
    note.textContent = "";
    if (anew) {
      const begun = await call("write", "encode", { text: text.value, most: positions - AT_ONCE }, listening);
      ids = begun.ids;
      if (begun.cut) note.textContent = `The model sees ${positions} tokens at most: only the end of your text is used.`;
    }
    const asked = { ids, temperature: temperature.valueAsNumber, noRepeat: once.checked ? NO_REPEAT : 0 };
    const before = anew ? undefined : known?.text;
    known = await call("write", "next", asked, listening);
    show(known, before);
    host.dispatchEvent(new CustomEvent("live-answer", { detail: { ids, ...known } }));
  }

  /** Up to `count` tokens, until the text ends, the places run out, or the reader stops it. */
  async function act(count: number): Promise<void> {
    const mine = new AbortController();
    running?.abort();
    running = mine;
    stop.disabled = false;
    const still = (): boolean => !mine.signal.aborted && !signal.aborted;
    await drawing;
    for (let done = 0; done < count && known && still() && !ended(); done++) {
      ids = [...ids, known.chosen];
      await turn();
      if (count > 1) await pause(mine.signal);
    }
    if (running !== mine) return;
    running = undefined;
    // A disabled button loses the focus, and a keyboard its place.
    const focused = host.shadowRoot?.activeElement === stop;
    stop.disabled = true;
    if (focused) run.focus({ preventScroll: true });
    const why = ended();
    if (why) note.textContent = why;
    if (signal.aborted) return;
    say(brief(`${known?.text ?? ""} ${why}`, 400));
    host.dispatchEvent(new CustomEvent("live-done", { detail: { ids, text: known?.text } }));
  }

  function ended(): string {
    if (ids.length > 1 && ids.at(-1) === end) return "The model has ended its text: start again, or change your own.";
    if (ids.length >= positions) return `All ${positions} places of the model are taken: start again.`;
    return "";
  }

  async function choose({ id }: Candidate, place: number): Promise<void> {
    running?.abort();
    await drawing;
    if (ended()) return;
    ids = [...ids, id];
    await turn();
    bars.querySelectorAll("button")[place]?.focus({ preventScroll: true });
    note.textContent = ended();
    say(known?.text ?? "");
  }

  function show({ candidates, chosen, text: whole, milliseconds }: Next, before: string | undefined): void {
    const fresh = before !== undefined && before !== whole && whole.startsWith(before) ? before.length : whole.length;
    written.replaceChildren(whole.slice(0, fresh), h("mark", {}, whole.slice(fresh)), "…");
    const degree = temperature.valueAsNumber;
    level.textContent = degree.toFixed(1);
    bars.replaceChildren(...candidates.flatMap((each, place) => row(each, place, each.id === chosen)));
    const how = degree > 0 ? "it draws from the 20 likeliest, by their probabilities at this temperature" : "it takes the likeliest";
    about.textContent = `At temperature ${degree.toFixed(1)} ${how}. ${milliseconds.toFixed(1)} ms for this token.`;
  }

  function row(candidate: Candidate, place: number, chosen: boolean): HTMLElement[] {
    const { text: word, probability, barred } = candidate;
    const shown = candidate.id === end ? "(end of text)" : JSON.stringify(word);
    const filled = h("span", chosen ? { class: "first" } : {});
    filled.style.setProperty("transform", `scaleX(${probability})`);
    const label = `Take ${shown}, ${(probability * 100).toFixed(1)} %${barred ? ", would repeat" : ""}`;
    const pressed = { type: "button", class: "small", "aria-label": label, onclick: () => void choose(candidate, place) };
    const number = `${(probability * 100).toFixed(1)} %${barred ? " ↺" : ""}`;
    return [
      h("button", pressed, shown),
      h("span", { class: "bar", "aria-hidden": "true" }, filled),
      h("span", { class: "number", title: barred ? "would repeat a run of three tokens" : undefined }, number),
    ];
  }

  await turn(true);
}

/** Time to read a token; none for a reader who wants no motion. */
function pause(signal: AbortSignal): Promise<void> {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return Promise.resolve();
  return new Promise((done) => {
    setTimeout(done, PACE);
    signal.addEventListener("abort", () => done(), { once: true });
  });
}
