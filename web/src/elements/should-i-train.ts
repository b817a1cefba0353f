import { advise, changed, changes, Contradiction, type Answers, type Rules } from "../decide/advisor";
import { copyLink, parseNumber, room } from "../decide/look";
import { dataOf, readState, stateHash, writeState } from "../decide/state";
import { h, unique } from "../dom";

const name = "should-i-train";
const titles: Record<string, string> = {
  rules: "Write rules",
  use_as_is: "Use a model as it is",
  prompt: "Prompt it, or wrap it",
  rag: "Retrieve, then generate",
  transfer_head: "Train a head on a frozen model",
  finetune: "Fine-tune a pretrained model",
  train_small: "Train a small model of your own",
  scratch: "Train from scratch",
};

export function mount(host: HTMLElement, signal: AbortSignal): void {
  const rules = dataOf<Rules>(host);
  const keys = Object.keys(rules.questions);
  const root = room(host);
  let answers: Answers = read(rules);
  let single = false;
  let at = 0;

  const status = h("span", { role: "status" });
  const answer = h("div", { class: "answer", role: "status", "aria-live": "polite" });
  const questions = h("div", { class: "questions" });
  const move = h("div", { class: "row no-print" });
  const mode = h("button", { type: "button", "aria-pressed": "false", onclick: () => turn(!single) }, "One question at a time");
  const again = h("button", { type: "button", onclick: () => set({}, true) }, "Start over");
  const title = unique("advisor");
  root.replaceChildren(
    h(
      "div",
      { class: "panel", role: "group", "aria-labelledby": title },
      h("p", { class: "title", id: title }, "Should I train this, or just use it?"),
      h("p", { class: "no-print" }, "Answer what you know and leave the rest. Nothing you answer leaves this page."),
      h("div", { class: "row no-print" }, mode, again, copyLink(status), status),
      questions,
      move,
      answer,
    ),
  );

  function set(next: Answers, redraw = false): void {
    answers = next;
    status.textContent = "";
    writeState(stateHash(name, keys.flatMap((key): [string, string][] => {
      const value = answers[key];
      if (value === undefined || (Array.isArray(value) && !value.length)) return [];
      return [[key, Array.isArray(value) ? value.join(",") : String(value)]];
    })));
    if (redraw) ask();
    show();
  }

  function turn(one: boolean): void {
    single = one;
    at = 0;
    mode.setAttribute("aria-pressed", String(one));
    ask();
  }

  function ask(): void {
    const shown = single ? keys.slice(at, at + 1) : keys;
    questions.replaceChildren(...shown.map((key) => question(rules, key, answers, set, () => answers)));
    const step = (to: number, label: string): HTMLButtonElement =>
      h("button", { type: "button", disabled: to < 0 || to >= keys.length, onclick: () => { at = to; ask(); questions.querySelector("input")?.focus(); } }, label);
    move.replaceChildren(...(single ? [step(at - 1, "Back"), step(at + 1, "Next"), `Question ${at + 1} of ${keys.length}`] : []));
  }

  function show(): void {
    try {
      answer.replaceChildren(...advice(rules, answers, host.dataset["root"] ?? "../", (next) => set(next, true)));
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error;
      answer.replaceChildren(h("p", { class: "wrong" }, `${sayPlainly(rules, error.message)}. Change one of the two.`));
    }
  }

  addEventListener("hashchange", () => {
    if (location.hash.startsWith(`#${name}:`)) set(read(rules), true);
  }, { signal });
  ask();
  show();
  if (Object.keys(answers).length) host.scrollIntoView({ block: "start" });
}

/** Legal answers of the address; what is not legal is left out. */
function read(rules: Rules): Answers {
  const answers: Answers = {};
  for (const [key, text] of readState(name, Object.keys(rules.questions))) {
    const legal = rules.answers[key];
    if (rules.counts.includes(key)) {
      if (/^\d{1,14}$/.test(text)) answers[key] = Number(text);
    } else if (key === "missing") {
      const named = [...new Set(text.split(","))].filter((value) => legal && Object.hasOwn(legal, value));
      if (named.length) answers[key] = named;
    } else if (legal && Object.hasOwn(legal, text)) answers[key] = text;
  }
  return answers;
}

function question(rules: Rules, key: string, answers: Answers, set: (next: Answers) => void, now: () => Answers): HTMLElement {
  const without = (): Answers => Object.fromEntries(Object.entries(now()).filter(([known]) => known !== key));
  const legend = h("legend", {}, rules.questions[key]);
  const given = answers[key];
  if (rules.counts.includes(key)) {
    const wrong = h("span", { class: "wrong", role: "alert" });
    const field = h("input", {
      type: "text", inputmode: "numeric", maxlength: 20, "aria-label": rules.questions[key], placeholder: "not known",
      oninput: () => {
        const count = parseNumber(field.value);
        const fine = Number.isInteger(count) && count >= 0 && count < 1e14;
        wrong.textContent = fine || !field.value.trim() ? "" : "A count takes a whole number, 0 or more.";
        field.setAttribute("aria-invalid", String(Boolean(wrong.textContent)));
        set(fine && field.value.trim() ? { ...without(), [key]: count } : without());
      },
    });
    field.value = given === undefined ? "" : String(given);
    return h("fieldset", {}, legend, h("div", {}, field, wrong));
  }
  const several = key === "missing";
  const group = unique(key);
  const values = Object.entries(rules.answers[key] ?? {});
  const choice = (value: string, says: string, checked: boolean): HTMLElement =>
    h("label", { class: "choice" },
      h("input", {
        type: several ? "checkbox" : "radio", name: group, value, checked,
        onchange: () => set(value === "" ? without() : several ? changed(now(), key, value) : { ...without(), [key]: value }),
      }),
      h("span", {}, says));
  const has = (value: string): boolean => (Array.isArray(given) ? given.includes(value) : given === value);
  const choices = values.map(([value, says]) => choice(value, capital(says), has(value)));
  if (!several) choices.unshift(choice("", "I don't know", given === undefined));
  return h("fieldset", {}, legend, h("div", {}, ...choices));
}

function advice(rules: Rules, answers: Answers, root: string, set: (next: Answers) => void): HTMLElement[] {
  const found = advise(rules, answers);
  const snippet = rules.prices[found.approach]?.[1] ?? "";
  const step = rules.prices[found.approach]?.[0] ?? "";
  const others = changes(rules, answers);
  return [
    h("p", { class: "quiet" }, Object.keys(answers).length ? "With what you answered" : "Before you answer anything"),
    h("h3", { class: "verdict" }, titles[found.approach]),
    h("p", {}, `Reasonable too: ${found.also.map((one) => titles[one]?.toLowerCase()).join("; ")}.`),
    h("ul", {}, ...found.because.map((why) => h("li", {}, capital(sayPlainly(rules, why)))), h("li", {}, found.principle)),
    h("dl", {},
      h("dt", {}, "This afternoon"),
      h("dd", {}, `${step} `, h("a", { href: `${root}lab/${snippet.replace(/\.py$/, "/")}` }, snippet.split("/").pop() ?? "")),
      h("dt", {}, "Effort"), h("dd", {}, found.effort.band),
      h("dt", {}, "Time"), h("dd", {}, found.time.band),
      h("dt", {}, "Cost"), h("dd", {}, found.cost.band),
      h("dt", {}, "Source"), h("dd", {}, found.cost.source)),
    ...(found.ask.length ? [h("p", {}, "Worth finding out: ", found.ask.join(" "))] : []),
    h("h3", {}, "What would change this answer?"),
    others.length
      ? h("ul", {}, ...others.map(({ key, value, approach }) => {
          const named = Array.isArray(answers[key]) && answers[key].includes(String(value));
          const says = typeof value === "number" ? `${value.toLocaleString("en-US")}` : rules.answers[key]?.[value] ?? "";
          const label = `${rules.questions[key]} ${named ? "Not " : ""}${named ? says : capital(says)}`;
          return h("li", {},
            h("button", { type: "button", class: "small", onclick: () => set(changed(answers, key, value)) }, label),
            ` → ${titles[approach]?.toLowerCase()}`);
        }))
      : h("p", {}, "No single other answer would."),
  ];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Names of answers as a reader knows them: the questions. */
function sayPlainly(rules: Rules, text: string): string {
  return text
    .replace(/`missing` names `\w+`: /g, "Missing: ")
    .replace(/`\w+` is `\w+`: /g, "")
    .replace(/`(\w+)_examples` is ([\d,]+):/g, "$2 $1 examples:")
    .replace(/`(\w+)`/g, (_, key: string) => `“${rules.questions[key] ?? key}”`);
}
