import { bars } from "../bars";
import { brief, h, unique } from "../dom";
import type { Stage } from "../element";
import { erase, examplesOf, exported, imported, keep, kept, MODEL, MOST_CLASSES, obstacle, PYTHON, sample, type Class } from "../lesson";
import { logits } from "../numerics/logistic";
import { likeliest, softmax } from "../numerics/softmax";
import { curves } from "../plot";
import { provenance } from "../provenance";
import { call } from "../runtime";
import type { Fitted } from "../worker/head";

/** The reader's classes and examples in, a head out: trained, tested, corrected, exported, kept. */
export async function start(stage: Stage): Promise<void> {
  const { panel, signal, say, fail } = stage;
  await call("text", "load", { name: MODEL }, stage);
  // The first fit is slower than all others, as with any program; let it not be the one that is timed.
  const [one, other] = [new Float32Array(384).fill(0.05), new Float32Array(384).fill(-0.05)];
  await call("head", "train", { x: Array.from({ length: 24 }, (_, index) => (index % 2 ? one : other)), y: Array.from({ length: 24 }, (_, index) => index % 3), classes: 3 }, stage);
  const vectors = new Map<string, Float32Array>();
  let lesson = kept() ?? sample();

  const fields = h("div", { class: "columns" });
  const more = h("button", { type: "button", onclick: () => addClass() }, "Add a class");
  const train = h("button", { type: "button", class: "main", onclick: () => void learn() }, "Train");
  const problem = h("p", { role: "alert", class: "wrong" });
  const report = h("div", {});
  const tried = unique("try");
  const text = h("textarea", { id: tried, rows: 2, dir: "auto", oninput: () => void ask() });
  const answer = h("div", { class: "bars" });
  const right = h("select", { "aria-label": "The right class" });
  const correct = h("button", { type: "button", onclick: () => void relearn() }, "Add as an example and train again");
  const correction = h("div", { class: "row" }, h("span", {}, "Wrong? It is"), h("span", { class: "grow" }, right), correct);
  const testing = h("div", { hidden: true }, h("label", { for: tried }, "Test it on a sentence of yours"), text, answer, correction);
  const note = h("p", { class: "quiet", role: "status" });
  panel.append(
    h("p", {}, "Name your classes and write examples, one a line. Then train."),
    fields,
    h("div", { class: "row" }, train, more),
    problem,
    report,
    testing,
    take(),
    note,
    provenance(MODEL),
  );

  function draw(): void {
    fields.replaceChildren(...lesson.classes.map(field));
    more.disabled = lesson.classes.length >= MOST_CLASSES;
    show();
  }

  function field(each: Class): HTMLElement {
    const [name, lines] = [unique("name"), unique("lines")];
    const count = h("span", { class: "quiet" }, `${each.examples.length} examples`);
    const title = h("input", { id: name, dir: "auto", maxlength: 80 });
    title.value = each.name;
    title.addEventListener("input", () => {
      each.name = title.value;
      remember();
    });
    const area = h("textarea", { id: lines, rows: 5, dir: "auto" });
    area.value = each.examples.join("\n");
    area.addEventListener("input", () => {
      each.examples = examplesOf(area.value);
      count.textContent = `${each.examples.length} examples`;
      remember();
    });
    const remove = (): void => {
      lesson.classes.splice(lesson.classes.indexOf(each), 1);
      remember();
      draw();
      more.focus();
    };
    return h(
      "fieldset",
      {},
      h("legend", {}, `Class ${lesson.classes.indexOf(each) + 1}`),
      h("label", { for: name }, "Name"),
      title,
      h("label", { for: lines }, "Examples"),
      area,
      h("div", { class: "row" }, count, h("button", { type: "button", class: "small", onclick: remove }, "Remove")),
    );
  }

  function addClass(): void {
    lesson.classes.push({ name: "", examples: [] });
    draw();
    fields.querySelector<HTMLInputElement>("fieldset:last-child input")?.focus();
  }

  /** Put what the reader has into the browser's store. */
  function remember(): void {
    if (!keep(lesson)) note.textContent = "This browser keeps nothing here: export the head before you leave.";
  }

  async function embed(texts: string[]): Promise<{ count: number; milliseconds: number }> {
    const unseen = [...new Set(texts)].filter((each) => !vectors.has(each));
    if (!unseen.length) return { count: 0, milliseconds: 0 };
    const told = (done: unknown): void => {
      train.textContent = `Reading ${Number(done)} of ${unseen.length}`;
    };
    const found = await call("text", "embed", { name: MODEL, texts: unseen }, { signal, told });
    unseen.forEach((each, index) => vectors.set(each, found.vectors[index] as Float32Array));
    return { count: unseen.length, milliseconds: found.milliseconds };
  }

  async function learn(): Promise<void> {
    problem.textContent = obstacle(lesson) ?? "";
    if (problem.textContent) return;
    train.disabled = correct.disabled = true;
    try {
      const { classes } = lesson;
      const labels = classes.map(({ name }) => name.trim());
      const texts = classes.flatMap(({ examples }) => examples);
      const y = classes.flatMap(({ examples }, index) => examples.map(() => index));
      const reading = await embed(texts);
      const x = texts.map((each) => vectors.get(each) as Float32Array);
      const fitted = await call("head", "train", { x, y, classes: labels.length }, { signal });
      lesson.taught = { labels, head: fitted.head };
      remember();
      explain(fitted, reading, texts.length, labels.length);
      show();
      await ask();
    } catch (error) {
      fail(error);
    } finally {
      train.disabled = correct.disabled = false;
      train.textContent = "Train again";
    }
  }

  /** Inference and training side by side, and how well it went. */
  function explain({ curve, held, milliseconds }: Fitted, reading: { count: number; milliseconds: number }, texts: number, classes: number): void {
    const read = reading.count
      ? `${reading.milliseconds.toFixed(0)} ms for ${reading.count} sentences, no weight moved`
      : "0 ms: all sentences were read before, and a frozen model says the same again";
    const numbers = classes === 2 ? 385 : 385 * classes;
    const score = held
      ? `${Math.round(held.accuracy * held.count)} of ${held.count} examples held back came out right (accuracy ${held.accuracy.toFixed(2)}). The head that answers below was then fitted on all ${texts}.`
      : "Too few examples to hold any back: write three or more in a class, and every fifth is kept for the test.";
    const last = curve.at(-1);
    const lines = [
      { name: "learnt from", colour: "--ember", values: curve.map(({ loss }) => loss) },
      { name: "held back", colour: "--steel", values: curve.map(({ held: each }) => each) },
    ];
    const label = `Line chart: in ${curve.length - 1} steps the loss falls from ${curve[0]?.loss.toFixed(2)} to ${last?.loss.toFixed(2)}`;
    const table = h(
      "table",
      {},
      h("tr", {}, h("th", { scope: "row" }, "Inference"), h("td", {}, read)),
      h("tr", {}, h("th", { scope: "row" }, "Training"), h("td", {}, `${milliseconds.toFixed(1)} ms for ${numbers.toLocaleString("en")} weights, ${curve.length - 1} steps`)),
    );
    const caption = "Loss, step by step: on what the head learns from (ember), and on what is held back (steel).";
    report.replaceChildren(table, h("p", { "data-held": held ? String(held.accuracy) : "" }, score), h("figure", {}, curves(lines, label), h("figcaption", {}, caption)));
    say(`Trained. ${score}`);
  }

  /** Testing is offered once there is a head. */
  function show(): void {
    testing.hidden = !lesson.taught;
    right.replaceChildren(...lesson.classes.map(({ name }, index) => h("option", { value: index }, brief(name, 40) || `Class ${index + 1}`)));
    if (!lesson.taught) {
      report.replaceChildren();
      answer.replaceChildren();
    }
  }

  let busy = false;
  async function ask(): Promise<void> {
    if (busy || !lesson.taught) return;
    busy = true;
    try {
      for (let asked: string | undefined; asked !== text.value; ) {
        asked = text.value;
        answer.replaceChildren();
        correction.hidden = !asked.trim();
        if (!asked.trim()) continue;
        await embed([asked]);
        const { labels, head } = lesson.taught;
        const chances = softmax(logits(head, vectors.get(asked) as Float32Array));
        answer.replaceChildren(...bars(labels, chances));
        const label = labels[likeliest(chances)] ?? "";
        stage.host.dispatchEvent(new CustomEvent("live-answer", { detail: { label, probabilities: [...chances] } }));
        say(`${label}, ${Math.max(...chances).toFixed(2)}`);
      }
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
      if (!train.disabled) train.textContent = "Train again";
    }
  }

  async function relearn(): Promise<void> {
    const chosen = lesson.classes[Number(right.value)];
    const [example] = examplesOf(text.value.replace(/\s+/g, " "));
    if (!chosen || !example) return;
    // A sentence is in one class only, the one that it was given last.
    for (const each of lesson.classes) each.examples = each.examples.filter((other) => other !== example);
    chosen.examples.push(example);
    fields.replaceChildren(...lesson.classes.map(field));
    await learn();
  }

  /** Export, import, erase. */
  function take(): HTMLElement {
    const code = h("pre", { tabindex: 0, "aria-label": "Python program" }, h("code", {}, PYTHON));
    const file = h("input", { type: "file", accept: ".json,application/json", class: "hidden", id: unique("file"), onchange: () => void bring() });
    async function bring(): Promise<void> {
      const [chosen] = file.files ?? [];
      if (!chosen) return;
      try {
        if (chosen.size > 5e6) throw new Error("This file is larger than any head: choose one that this page exported.");
        lesson = imported(await chosen.text());
        note.textContent = `${chosen.name} is in.`;
        problem.textContent = "";
        report.replaceChildren();
        remember();
        draw();
        await ask();
      } catch (error) {
        problem.textContent = (error as Error).message;
      } finally {
        file.value = "";
      }
    }
    function save(name: string, content: string): void {
      const address = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
      h("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    }
    function forget(): void {
      erase();
      vectors.clear();
      lesson = sample();
      text.value = "";
      problem.textContent = "";
      train.textContent = "Train";
      draw();
      note.textContent = "Erased: the sample stands here again, and this browser keeps nothing.";
    }
    async function copy(): Promise<void> {
      try {
        await navigator.clipboard.writeText(PYTHON);
        note.textContent = "Copied.";
      } catch {
        note.textContent = "This browser does not let a page copy: select the program and copy it.";
      }
    }
    return h(
      "details",
      {},
      h("summary", {}, "Take it with you: a file, a Python program, or nothing at all"),
      h("p", {}, "Your classes, examples and head stay in this browser until you erase them."),
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", onclick: () => save("head.json", exported(lesson)) }, "Download head.json"),
        h("button", { type: "button", onclick: () => save("classify.py", PYTHON) }, "Download classify.py"),
        h("button", { type: "button", onclick: () => void copy() }, "Copy classify.py"),
        h("label", { for: file.id, class: "file" }, "Import head.json"),
        file,
        h("button", { type: "button", onclick: forget }, "Erase everything"),
      ),
      h("p", { class: "quiet" }, "With both files in one folder: python classify.py \"a sentence\""),
      code,
    );
  }

  draw();
}
