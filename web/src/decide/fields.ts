import { h, unique } from "../dom";
import { WrongInput } from "./calculators";
import { copyLink, parseNumber, room } from "./look";
import { readState, stateHash, writeState } from "./state";

export interface Field {
  key: string;
  label: string;
  /** What stands there at first, as a reader would type it. */
  value: string;
  /** Choices, where it is no number. */
  choices?: string[];
  /** May stay empty. */
  optional?: boolean;
}

export class Inputs {
  constructor(private readonly texts: Map<string, string>) {}

  text(key: string): string {
    return this.texts.get(key) ?? "";
  }

  /** The number that was typed, NaN where it is none. */
  number(key: string): number {
    return parseNumber(this.text(key));
  }

  optional(key: string): number | undefined {
    return this.text(key).trim() ? this.number(key) : undefined;
  }

  yes(key: string): boolean {
    return this.text(key) === "yes";
  }
}

/** A calculator: fields, a result that follows them, and the state in the address. */
export function calculator(
  host: HTMLElement,
  signal: AbortSignal,
  name: string,
  heading: string,
  groups: { title: string; fields: Field[] }[],
  result: (inputs: Inputs) => Node[],
): void {
  const root = room(host);
  const fields = groups.flatMap((group) => group.fields);
  const keys = fields.map(({ key }) => key);
  const texts = new Map<string, string>();
  const boxes = new Map<string, HTMLInputElement | HTMLSelectElement>();
  const status = h("span", { role: "status" });
  const answer = h("div", { class: "answer", role: "status", "aria-live": "polite" });
  const title = unique("calculator");

  function load(): void {
    const given = readState(name, keys);
    for (const { key, value, choices } of fields) {
      const asked = given.get(key);
      const fine = asked !== undefined && asked.length <= 40 && (!choices || choices.includes(asked));
      texts.set(key, fine ? asked : value);
      const box = boxes.get(key);
      if (box) box.value = texts.get(key) ?? "";
    }
  }

  function show(): void {
    try {
      answer.replaceChildren(...result(new Inputs(texts)));
    } catch (error) {
      if (!(error instanceof WrongInput)) throw error;
      answer.replaceChildren(h("p", { class: "wrong" }, error.message));
    }
    for (const { key, choices, optional } of fields) {
      const text = texts.get(key) ?? "";
      const wrong = !choices && !(optional && !text.trim()) && !Number.isFinite(parseNumber(text));
      boxes.get(key)?.setAttribute("aria-invalid", String(wrong));
    }
  }

  function type(key: string, value: string): void {
    texts.set(key, value);
    status.textContent = "";
    const changed = fields.filter((field) => texts.get(field.key) !== field.value);
    writeState(stateHash(name, changed.map((field): [string, string] => [field.key, texts.get(field.key) ?? ""])));
    show();
  }

  function drawn({ key, label, choices }: Field): HTMLElement {
    const id = unique("field");
    const box = choices
      ? h("select", { id, onchange: () => type(key, box.value) }, ...choices.map((one) => h("option", { value: one }, one)))
      : h("input", { id, type: "text", maxlength: 40, autocomplete: "off", oninput: () => type(key, box.value) });
    boxes.set(key, box);
    return h("div", { class: "field" }, h("label", { for: id }, label), box);
  }

  const reset = h("button", { type: "button", onclick: () => { writeState(""); load(); show(); } }, "Start over");
  root.replaceChildren(
    h(
      "div",
      { class: "panel", role: "group", "aria-labelledby": title },
      h("p", { class: "title", id: title }, heading),
      h("p", { class: "quiet" }, "Numbers as you say them: 7B, 300 billion, 1e12. All of it is computed in this page."),
      ...groups.map((group) => h("fieldset", {}, h("legend", {}, group.title), h("div", { class: "fields" }, ...group.fields.map(drawn)))),
      h("div", { class: "row no-print" }, reset, copyLink(status), status),
      answer,
    ),
  );
  addEventListener("hashchange", () => {
    if (location.hash.startsWith(`#${name}:`)) { load(); show(); }
  }, { signal });
  load();
  show();
  if (readState(name, keys).size) host.scrollIntoView({ block: "start" });
}

export function table(head: string[], rows: (string | HTMLElement)[][]): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0 },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...head.map((name) => (name ? h("th", { scope: "col" }, name) : h("td"))))),
      h("tbody", {}, ...rows.map(([first = "", ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((cell) => h("td", {}, cell))))),
    ),
  );
}
