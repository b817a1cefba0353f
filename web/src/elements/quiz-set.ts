import { h } from "../dom";

const place = "book-quiz";

/** What was chosen before, by the question's id; empty where the browser keeps nothing. */
function load(): Record<string, number> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(place) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    return Object.fromEntries(Object.entries(kept).filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
  } catch {
    return {};
  }
}

function keep(chosen: Record<string, number>): void {
  try {
    localStorage.setItem(place, JSON.stringify(chosen));
  } catch {
    // Private windows may forbid it: the quiz works, and forgets.
  }
}

/** Turn plain questions, which unfold their answer, into ones that can be answered. */
export function mount(host: HTMLElement): void {
  if (host.querySelector(".progress")) return;
  const chosen = load();
  const questions = [...host.querySelectorAll<HTMLElement>(".question")];
  const score = h("p", { class: "progress", role: "status" });
  const redraw: (() => void)[] = [];
  for (const question of questions) redraw.push(upgrade(question, chosen, tell));
  const again = h("button", { type: "button", class: "md-button quiz-again", onclick: () => {
    for (const id of Object.keys(chosen)) delete chosen[id];
    keep(chosen);
    for (const draw of redraw) draw();
    tell();
    questions[0]?.querySelector("button")?.focus();
  } }, "Start again");
  host.prepend(score);
  host.append(again);
  tell();

  function tell(): void {
    const answered = questions.filter(({ id }) => chosen[id] !== undefined);
    const right = answered.filter(({ id, dataset }) => chosen[id] === Number(dataset["right"]));
    score.textContent = `${answered.length} of ${questions.length} answered, ${right.length} of them right.`;
    again.hidden = !answered.length;
  }
}

function upgrade(question: HTMLElement, chosen: Record<string, number>, tell: () => void): () => void {
  const right = Number(question.dataset["right"]);
  const details = question.querySelector("details");
  const verdict = h("p", { class: "quiz-verdict", role: "status" });
  const ask = question.querySelector<HTMLElement>(".ask");
  if (ask) ask.id = `${question.id}-ask`;
  const options = question.querySelector<HTMLElement>(".options");
  options?.setAttribute("aria-labelledby", `${question.id}-ask`);
  const buttons = [...question.querySelectorAll<HTMLElement>(".options > li")].map((item, index) => {
    const button = h("button", { type: "button", class: "option", "aria-pressed": "false", onclick: () => {
      chosen[question.id] = index + 1;
      keep(chosen);
      draw();
      if (details) details.open = true;
      tell();
    } }, item.textContent ?? "");
    item.replaceChildren(button);
    return button;
  });
  details?.before(verdict);

  function draw(): void {
    const choice = chosen[question.id];
    buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(choice === index + 1));
      button.classList.toggle("right", choice !== undefined && index + 1 === right);
      button.classList.toggle("wrong", choice === index + 1 && choice !== right);
    });
    verdict.textContent = choice === undefined ? "" : choice === right ? "Right." : `Not quite: it is ${"ABCDEFGH"[right - 1]}.`;
    if (choice === undefined && details) details.open = false;
  }
  draw();
  return draw;
}
