import { bars } from "../bars";
import { h, unique } from "../dom";
import type { Stage } from "../element";
import { likeliest } from "../numerics/softmax";
import { provenance } from "../provenance";
import { call } from "../runtime";
import type { Described } from "../worker/describe";

interface Shape {
  kind: string;
  colour: string;
  /** Shares of the picture's side. */
  size: number;
  across: number;
  down: number;
}

const MOST_SHAPES = 3;
const MOST_LABELS = 24;
const LABELS = ["a blue star", "a red heart", "a yellow circle", "a black cross", "a large shape", "a small shape"];

/** The reader's scene, BLIP's caption of it, and CLIP's scores of the reader's labels. */
export async function start({ host, panel, signal, progress, say, fail }: Stage): Promise<void> {
  const scene = await call("describe", "load", {}, { signal, progress });
  const outlines = new Map(Object.entries(scene.shapes).map(([kind, { path }]) => [kind, new Path2D(path)]));
  const place = Object.values(scene.places)[0] ?? 0.5;
  const shapes: Shape[] = [{ kind: "star", colour: "blue", size: scene.sizes.small ?? 0.4, across: place, down: 0.5 }];

  let busy = false;
  let asked = 0;
  let announced: ReturnType<typeof setTimeout> | undefined;

  const [worded, labelled] = [unique("prompt"), unique("labels")];
  const canvas = h("canvas", { class: "scene", width: scene.side, height: scene.side, role: "img", onpointerdown: drag, onpointermove: drag });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const small = h("canvas", { class: "pixels", role: "img", "aria-label": "The picture as the models get it" });
  const controls = h("div", { class: "columns" });
  const more = h("button", { type: "button", onclick: add }, "Add a shape");
  const caption = h("p", { class: "written" });
  const prompt = h("input", { id: worded, type: "text", dir: "auto", spellcheck: false, placeholder: "a picture of", oninput: () => void ask() });
  const labels = h("textarea", { id: labelled, rows: 6, dir: "auto", spellcheck: false, oninput: () => void ask() });
  labels.value = LABELS.join("\n");
  const scores = h("div", { class: "bars" });
  const note = h("p", { class: "quiet" });
  panel.append(
    h(
      "div",
      { class: "columns" },
      h("figure", {}, canvas, h("figcaption", {}, "Drag a shape, or use the fields below.")),
      h("figure", { class: "strip" }, small, h("figcaption", {}, "What both models get: so many pixels and no more.")),
    ),
    controls,
    h("div", { class: "row" }, more),
    h("p", { class: "title" }, "BLIP's caption"),
    caption,
    h("label", { for: worded }, "Let the caption begin with"),
    prompt,
    h("p", { class: "title" }, "CLIP's scores"),
    h("label", { for: labelled }, "Your labels, one a line"),
    labels,
    scores,
    note,
    provenance("scene-blip"),
    provenance("scene-clip"),
  );

  function add(): void {
    const kind = Object.keys(scene.shapes)[shapes.length] ?? "circle";
    shapes.push({ kind, colour: "red", size: scene.sizes.small ?? 0.4, across: 1 - place, down: 0.5 });
    build();
    controls.querySelectorAll<HTMLElement>("fieldset:last-child select")[0]?.focus({ preventScroll: true });
  }

  /** Fields for each shape. */
  function build(): void {
    controls.replaceChildren(...shapes.map(fields));
    more.disabled = shapes.length >= MOST_SHAPES;
    void ask();
  }

  function fields(shape: Shape, index: number): HTMLElement {
    const choice = (name: "kind" | "colour", from: string[]): HTMLElement => {
      const id = unique(name);
      const options = from.map((each) => h("option", { selected: shape[name] === each }, each));
      const select = h("select", { id, class: "short", onchange: () => change(() => (shape[name] = select.value)) }, ...options);
      return h("div", { class: "row" }, h("label", { for: id }, name === "kind" ? "Shape" : "Colour"), select);
    };
    const slide = (name: "size" | "across" | "down", title: string, least: number, most: number): HTMLElement => {
      const id = unique(name);
      const slider = h("input", { id, type: "range", min: least, max: most, step: 0.01, value: shape[name], oninput: () => change(() => (shape[name] = slider.valueAsNumber)) });
      return h("div", {}, h("label", { for: id }, title), slider);
    };
    const remove = h("button", { type: "button", class: "small", onclick: () => drop(index) }, "Remove");
    return h(
      "fieldset",
      {},
      h("legend", {}, shapes.length > 1 ? `Shape ${index + 1}` : "Your shape"),
      choice("kind", Object.keys(scene.shapes)),
      choice("colour", scene.colours),
      slide("size", "Size", 0.2, 1),
      slide("across", "From left to right", 0, 1),
      slide("down", "From top to bottom", 0, 1),
      shapes.length > 1 ? remove : undefined,
    );
  }

  function drop(index: number): void {
    shapes.splice(index, 1);
    build();
    more.focus({ preventScroll: true });
  }

  function change(does: () => void): void {
    does();
    void ask();
  }

  /** The shape that is nearest to the pointer comes with it. */
  function drag(event: Event): void {
    const { offsetX, offsetY, buttons, type } = event as PointerEvent;
    if (!(buttons & 1)) return;
    const [x, y] = [offsetX / canvas.clientWidth, offsetY / canvas.clientHeight].map((at) => Math.min(Math.max(at, 0), 1)) as [number, number];
    if (type === "pointerdown") {
      canvas.setPointerCapture((event as PointerEvent).pointerId);
      shapes.sort((a, b) => Math.hypot(b.across - x, b.down - y) - Math.hypot(a.across - x, a.down - y));
    }
    const shape = shapes.at(-1);
    if (shape) [shape.across, shape.down] = [x, y];
    build();
  }

  /** As the snippets draw: the middle of the character's line at the place, on paper. */
  function paint(): ImageData | undefined {
    if (!context) return undefined;
    context.resetTransform();
    context.fillStyle = `rgb(${scene.paper} ${scene.paper} ${scene.paper})`;
    context.fillRect(0, 0, scene.side, scene.side);
    for (const { kind, colour, size, across, down } of shapes) {
      const scale = (size * scene.side) / scene.units;
      const advance = scene.shapes[kind]?.advance ?? 0;
      context.setTransform(scale, 0, 0, -scale, across * scene.side - (advance / 2) * scale, down * scene.side + scene.drop * scale);
      context.fillStyle = colour;
      const outline = outlines.get(kind);
      if (outline) context.fill(outline);
    }
    return context.getImageData(0, 0, scene.side, scene.side);
  }

  /** One question at a time; while it is answered, only the newest scene waits. */
  async function ask(): Promise<void> {
    asked += 1;
    if (busy) return;
    busy = true;
    try {
      for (let answered = 0; answered !== asked; ) {
        answered = asked;
        const image = paint();
        if (!image) return;
        const all = labels.value.split("\n").map((label) => label.trim()).filter(Boolean);
        const used = all.slice(0, MOST_LABELS);
        const wanted = { pixels: image.data, side: scene.side, labels: used, prompt: prompt.value };
        show(await call("describe", "describe", wanted, { signal }), used);
        if (all.length > used.length) note.textContent += ` Only the first ${MOST_LABELS} labels are scored.`;
      }
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
    }
  }

  function show(answer: Described, used: string[]): void {
    const { probabilities, milliseconds, smallSide: side } = answer;
    caption.textContent = answer.caption;
    canvas.setAttribute("aria-label", `Your scene: ${shapes.map(({ colour, kind }) => `${colour} ${kind}`).join(", ")}`);
    [small.width, small.height] = [side, side];
    const pixels = new ImageData(side, side);
    for (let i = 0; i < side * side; i++) pixels.data.set([...answer.small.subarray(i * 3, i * 3 + 3), 255], i * 4);
    small.getContext("2d")?.putImageData(pixels, 0, 0);
    scores.replaceChildren(...bars(used, probabilities, 3, 60));
    note.textContent = `Both answers took ${milliseconds.toFixed(0)} ms. The scores share 1 among your labels, whatever they are.`;
    const detail = { caption: answer.caption, probabilities, labels: used, picture: canvas.toDataURL(), small: answer.small };
    host.dispatchEvent(new CustomEvent("live-answer", { detail }));
    clearTimeout(announced);
    const best = likeliest(probabilities);
    announced = setTimeout(() => say(`${answer.caption}. ${used[best] ?? "No labels"}, ${(probabilities[best] ?? 0).toFixed(2)}`), 700);
  }

  build();
}

