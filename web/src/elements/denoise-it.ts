import { h, unique } from "../dom";
import type { Stage } from "../element";
import { Problem } from "../problem";
import { provenance } from "../provenance";
import { call } from "../runtime";
import type { Step } from "../worker/denoise";

/** Pictures at once, and steps as `generate_image.py` takes them. */
const COUNT = 4;
const STEPS = [10, 20, 50];
const MOST_SEED = 999_999;

/** Noise becomes pictures; the slider goes through the steps. */
export async function start({ host, panel, signal, progress, say, fail }: Stage): Promise<void> {
  const { side } = await call("denoise", "load", {}, { signal, progress });

  let kept: Step[] = [];
  let running: AbortController | undefined;
  let following = true;

  const [seeded, counted, slid] = [unique("seed"), unique("steps"), unique("step")];
  const seed = h("input", { id: seeded, type: "number", class: "short", min: 0, max: MOST_SEED, step: 1, value: 7, inputmode: "numeric" });
  const steps = h("select", { id: counted, class: "short" }, ...STEPS.map((count) => h("option", { selected: count === 50 }, String(count))));
  const fresh = h("input", { type: "checkbox", checked: true });
  const run = h("button", { type: "button", class: "main", onclick: () => void begin() }, "Take the noise away");
  const other = h("button", { type: "button", onclick: another }, "Another seed");
  const stop = h("button", { type: "button", disabled: true, onclick: () => running?.abort() }, "Stop");
  const slider = h("input", { id: slid, type: "range", min: 0, max: 0, step: 1, value: 0, disabled: true, oninput: back });
  const place = h("p", { class: "quiet" }, "Press the button, then move the slider through the steps.");
  const rows = {
    pictures: strip("The pictures after this step"),
    noise: strip("What it took for noise"),
    clear: strip("What it would draw if it stopped here"),
  };
  panel.append(
    h(
      "div",
      { class: "row" },
      h("label", { for: seeded }, "Seed"),
      seed,
      h("label", { for: counted }, "Steps"),
      steps,
      h("label", {}, fresh, " Fresh noise at every step"),
    ),
    h("div", { class: "row" }, run, other, stop),
    h("label", { for: slid }, "Step"),
    slider,
    place,
    h("div", { class: "columns" }, ...Object.values(rows).map(({ figure }) => figure)),
    provenance("digit-diffusion"),
  );

  function another(): void {
    seed.value = String(Math.floor(Math.random() * (MOST_SEED + 1)));
    void begin();
  }

  /** The reader looks at a step: a run goes on without moving the slider. */
  function back(): void {
    following = slider.valueAsNumber === kept.length - 1;
    show();
  }

  async function begin(): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    signal.addEventListener("abort", () => mine.abort(), { once: true });
    // Whatever was typed becomes a seed, and is shown as it is used.
    const number = Math.min(Math.max(Math.trunc(seed.valueAsNumber) || 0, 0), MOST_SEED);
    seed.value = String(number);
    const wanted = { seed: number, count: COUNT, steps: Number(steps.value), eta: fresh.checked ? 1 : 0 };
    kept = [];
    following = true;
    slider.max = String(wanted.steps);
    slider.disabled = stop.disabled = false;
    const told = (what: unknown): void => {
      if (running !== mine) return;
      kept.push(what as Step);
      if (following) slider.value = String(kept.length - 1);
      show();
    };
    try {
      const milliseconds = await call("denoise", "clear", wanted, { signal: mine.signal, told });
      place.append(` ${wanted.steps} steps for ${COUNT} pictures took ${(milliseconds / 1000).toFixed(1)} s.`);
      say(`Done: ${COUNT} pictures of seed ${number}.`);
    } catch (error) {
      if (Problem.of(error).kind !== "stopped") fail(error);
    }
    if (running !== mine) return;
    running = undefined;
    const focused = host.shadowRoot?.activeElement === stop;
    stop.disabled = true;
    if (focused) run.focus({ preventScroll: true });
    slider.max = String(Math.max(kept.length - 1, 0));
    host.dispatchEvent(new CustomEvent("live-done", { detail: { ...wanted, kept } }));
  }

  function show(): void {
    // The slider may be ahead of the run.
    const step = kept[Math.min(slider.valueAsNumber, kept.length - 1)];
    if (!step) return;
    slider.setAttribute("aria-valuetext", `step ${step.step} of ${slider.max}`);
    place.textContent =
      step.step === 0
        ? "Step 0: nothing but noise, which the seed decides."
        : `Step ${step.step}: at time ${step.time} of 999, it was asked which part is noise.`;
    rows.pictures.draw(step.pictures, 1);
    rows.noise.draw(step.noise, 3);
    rows.clear.draw(step.clear, 1);
    host.dispatchEvent(new CustomEvent("live-answer", { detail: step }));
  }

  /** Pictures beside each other; -range is black, range is white. */
  function strip(title: string): { figure: HTMLElement; draw: (values: Float32Array, range: number) => void } {
    const canvas = h("canvas", { class: "pixels", width: COUNT * (side + 1) - 1, height: side, role: "img", "aria-label": title });
    const context = canvas.getContext("2d");
    const draw = (values: Float32Array, range: number): void => {
      context?.clearRect(0, 0, canvas.width, canvas.height);
      for (let from = 0; from < values.length; from += side * side) {
        const pixels = new ImageData(side, side);
        for (let i = 0; i < side * side; i++) {
          const grey = 127.5 * (1 + (values[from + i] as number) / range);
          pixels.data.set([grey, grey, grey, 255], i * 4);
        }
        context?.putImageData(pixels, (from / (side * side)) * (side + 1), 0);
      }
    };
    return { figure: h("figure", { class: "strip" }, canvas, h("figcaption", {}, title)), draw };
  }
}
