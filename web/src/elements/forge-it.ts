import { bars } from "../bars";
import { h, unique } from "../dom";
import type { Stage } from "../element";
import { pixelsOf } from "../numerics/drawing";
import { digitPicture, pad, weightPicture } from "../pictures";
import { curves } from "../plot";
import { call } from "../runtime";
import type { Progressed } from "../worker/digits";

const NAMES = Array.from("0123456789");
/** Steps after which the fire goes out by itself. */
const MOST = 300;

/** A network trained from random weights while the reader looks; beside it the same one, trained before. */
export async function start(stage: Stage): Promise<void> {
  const { host, panel, signal, say, fail } = stage;
  const given = await call("digits", "load", null, stage);
  const name = unique("forge");
  let seed = 1;
  let state = await call("digits", "reset", { name, seed }, { signal });
  let losses = [state.loss];
  let accuracies = [state.accuracy];
  let running = false;
  let pixels = new Float32Array(64);

  const go = h("button", { type: "button", class: "main", onclick: () => void (running ? pause() : run()) }, "Train");
  const one = h("button", { type: "button", onclick: () => void step(1) }, "One step");
  const again = h("button", { type: "button", onclick: () => void restart() }, "New random weights");
  const numbers = h("p", {}, "");
  const charts = h("div", { class: "columns" });
  const yours = weightPicture("The weights of your network, one small picture for each of its 32 hidden neurons");
  const trained = weightPicture("The weights of the network that came trained");
  const seen = digitPicture();
  const board = pad(host, "Draw a digit here with a mouse or a finger", (strokes) => void look(pixelsOf(strokes)));
  const [answerYours, answerTrained] = [h("div", { class: "bars" }), h("div", { class: "bars" })];
  const truth = h("select", { "aria-label": "The digit that you drew" }, ...NAMES.map((digit) => h("option", {}, digit)));
  const learn = h("button", { type: "button", disabled: true, onclick: () => void keep() }, "Let my network learn it");
  const note = h("p", { class: "quiet" });
  const figure = (picture: Node, caption: string): HTMLElement => h("figure", {}, picture, h("figcaption", {}, caption));
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

  panel.append(
    h("div", { class: "row" }, go, one, again),
    numbers,
    charts,
    h(
      "div",
      { class: "columns" },
      figure(yours.canvas, "Yours: what each neuron looks for. Ember counts for it, steel against."),
      figure(trained.canvas, `The same network, trained before: accuracy ${percent(given.accuracy)}.`),
    ),
    h(
      "div",
      { class: "columns" },
      h("div", {}, figure(board.canvas, "Draw a digit."), h("div", { class: "row" }, seen.canvas, h("button", { type: "button", onclick: board.clear }, "Clear"), h("button", { type: "button", onclick: () => void borrow() }, "Take a test image"))),
      h("div", {}, h("p", {}, "Your network says"), answerYours),
      h("div", {}, h("p", {}, "The trained one says"), answerTrained),
    ),
    h("div", { class: "row" }, h("span", {}, "It is a"), h("span", {}, truth), learn),
    note,
    h("p", { class: "quiet" }, `No pretrained weights on your side: 2,410 random numbers, ${given.images.toLocaleString("en")} of scikit-learn's digits to learn from, ${given.tests} held back. The other network took ${MOST} steps on the same images when this site was built.`),
  );

  function show(next: Progressed): void {
    state = next;
    numbers.textContent = `Step ${next.step} · loss ${next.loss.toFixed(3)} · accuracy ${percent(next.accuracy)} on ${given.tests} images held back · ${(next.milliseconds / 1000).toFixed(2)} s of training`;
    host.dispatchEvent(new CustomEvent("live-step", { detail: { step: next.step, loss: next.loss, accuracy: next.accuracy } }));
    yours.draw(host, next.weights[0]);
    const [loss, share] = [`Loss, now ${next.loss.toFixed(2)}`, `Accuracy, now ${next.accuracy.toFixed(2)}`];
    charts.replaceChildren(
      figure(curves([{ name: "loss", colour: "--ember", values: losses }], loss), "Loss on the images held back"),
      figure(curves([{ name: "accuracy", colour: "--steel", values: accuracies }], share), "Accuracy on them"),
    );
  }

  async function step(count: number): Promise<void> {
    try {
      const next = await call("digits", "steps", { name, count }, { signal });
      // A point for every step keeps the axis true, whatever the stride.
      for (let i = 0; i < count; i++) {
        losses.push(next.loss);
        accuracies.push(next.accuracy);
      }
      show(next);
      await ask();
    } catch (error) {
      running = false;
      fail(error);
    }
  }

  async function run(): Promise<void> {
    running = true;
    go.textContent = "Pause";
    one.disabled = true;
    // Fewer pictures for those who want little to move.
    const stride = matchMedia("(prefers-reduced-motion: reduce)").matches ? 25 : 2;
    const last = state.step + MOST;
    while (running && !signal.aborted && state.step < last) await step(stride);
    pause();
    say(numbers.textContent ?? "");
  }

  function pause(): void {
    running = false;
    go.textContent = state.step ? "Train on" : "Train";
    one.disabled = false;
  }

  async function restart(): Promise<void> {
    running = false;
    try {
      const next = await call("digits", "reset", { name, seed: ++seed }, { signal });
      losses = [next.loss];
      accuracies = [next.accuracy];
      show(next);
      pause();
      await ask();
      say("New random weights.");
    } catch (error) {
      fail(error);
    }
  }

  async function look(next: Float32Array): Promise<void> {
    pixels = next as Float32Array<ArrayBuffer>;
    seen.draw(host, pixels);
    await ask().catch(fail);
  }

  async function borrow(): Promise<void> {
    try {
      const image = await call("digits", "image", { index: Math.floor(Math.random() * given.tests) }, { signal });
      board.clear();
      truth.value = String(image.digit);
      await look(image.pixels);
      learn.disabled = true; // a test image that is learnt tests nothing
      note.textContent = `A test image of a ${image.digit}, which neither network has learnt from.`;
    } catch (error) {
      fail(error);
    }
  }

  let asking = false;
  async function ask(): Promise<void> {
    const empty = pixels.every((pixel) => pixel === 0);
    learn.disabled = empty;
    if (empty) {
      for (const each of [answerYours, answerTrained]) each.replaceChildren(h("span", { class: "quiet" }, "–"));
      return;
    }
    if (asking) return;
    asking = true;
    try {
      for (let asked: Float32Array | undefined; asked !== pixels; ) {
        asked = pixels;
        const said = await call("digits", "ask", { name, pixels: asked }, { signal });
        answerYours.replaceChildren(...bars(NAMES, said.yours));
        answerTrained.replaceChildren(...bars(NAMES, said.trained));
        host.dispatchEvent(new CustomEvent("live-answer", { detail: { yours: [...said.yours], trained: [...said.trained] } }));
      }
    } finally {
      asking = false;
    }
  }

  async function keep(): Promise<void> {
    try {
      const count = await call("digits", "keep", { name, pixels, digit: Number(truth.value) }, { signal });
      note.textContent = `${count === 1 ? "One drawing" : `${count} drawings`} of yours among the images now: train on.`;
      say(note.textContent);
      learn.disabled = true;
    } catch (error) {
      fail(error);
    }
  }

  trained.draw(host, given.trained[0]);
  show(state);
  board.clear();
}
