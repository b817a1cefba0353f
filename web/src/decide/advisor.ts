/** The advisor of snippets/use_before_you_train/should_i_train.py: the same rules, the same answers. */
import { grouped } from "./numbers";

export interface Condition {
  key: string;
  operator: "=" | ":" | "!" | "<" | ">=";
  wanted: string[] | number;
  unknown: boolean;
}

export interface Rules {
  /** Answer -> the question, in the order in which to ask. */
  questions: Record<string, string>;
  /** Answer -> its legal values, and what each of them says. */
  answers: Record<string, Record<string, string>>;
  counts: string[];
  rules: { approach: string; also: string[]; principle: string; when: Condition[] }[];
  contradictions: { reason: string; when: Condition[] }[];
  principles: Record<string, [string, string]>;
  prices: Record<string, [string, string, string, string, string, string]>;
}

export type Answers = Record<string, string | number | string[]>;

interface Band {
  band: string;
  source: string;
}

export interface Advice {
  approach: string;
  also: string[];
  because: string[];
  principle: string;
  first_step: string;
  effort: Band;
  time: Band;
  cost: Band;
  ask: string[];
}

/** Two answers that can't both be true; the text names them. */
export class Contradiction extends Error {}

export function holds({ key, operator, wanted, unknown }: Condition, answers: Answers): boolean {
  const given = answers[key];
  if (operator === "!") return !Array.isArray(given) || !given.some((value) => within(wanted, value));
  if (given === undefined) return unknown;
  if (operator === ":") return Array.isArray(given) && given.some((value) => within(wanted, value));
  if (operator === "=") return within(wanted, given);
  return operator === "<" ? given < wanted : given >= wanted;
}

function within(wanted: string[] | number, value: unknown): boolean {
  return Array.isArray(wanted) && wanted.includes(value as string);
}

/** Number of the first rule that holds; the last one always does. Throws a Contradiction. */
export function decide(rules: Rules, answers: Answers): number {
  for (const { reason, when } of rules.contradictions) {
    if (when.every((condition) => holds(condition, answers))) {
      const named = when.filter(({ operator }) => operator !== "!").map(({ key }) => `\`${key}\``);
      throw new Contradiction(`${named.join(" and ")} contradict each other: ${reason}`);
    }
  }
  return rules.rules.findIndex(({ when }) => when.every((condition) => holds(condition, answers)));
}

function approachOf(rules: Rules, answers: Answers): string {
  return rules.rules[decide(rules, answers)]?.approach ?? "";
}

function reason(rules: Rules, { key, operator, wanted }: Condition, given: Answers): string {
  const value = given[key];
  if (value === undefined || operator === "!") return "";
  if (typeof value === "number") {
    const side = operator === "<" ? "fewer than" : "at least";
    return `\`${key}\` is ${grouped(Math.trunc(value))}: ${side} ${grouped(Math.trunc(Number(wanted)))}.`;
  }
  const says = rules.answers[key] ?? {};
  if (Array.isArray(value)) {
    const found = Object.keys(says).filter((one) => value.includes(one) && within(wanted, one));
    return found.map((one) => `\`${key}\` names \`${one}\`: ${says[one]}.`).join(" ");
  }
  return `\`${key}\` is \`${value}\`: ${says[value]}.`;
}

export interface Change {
  key: string;
  value: string | number;
  approach: string;
}

/** The answers with one of them changed; a value of `missing` is put in or taken out. */
export function changed(answers: Answers, key: string, value: string | number): Answers {
  if (key !== "missing") return { ...answers, [key]: value };
  const named = new Set(Array.isArray(answers[key]) ? answers[key] : []);
  if (!named.delete(String(value))) named.add(String(value));
  return { ...answers, [key]: [...named].sort() };
}

/** Each single other answer that would move the advice. */
export function changes(rules: Rules, answers: Answers): Change[] {
  const before = approachOf(rules, answers);
  const found: Change[] = [];
  for (const key of Object.keys(rules.questions)) {
    const others = rules.counts.includes(key) ? [0, 1, 10, 1000, 100_000] : Object.keys(rules.answers[key] ?? {});
    for (const value of others) {
      try {
        const approach = approachOf(rules, changed(answers, key, value));
        if (approach !== before) found.push({ key, value, approach });
      } catch (error) {
        if (!(error instanceof Contradiction)) throw error;
      }
    }
  }
  return found;
}

/** What to do about a need. Answers that are not known are left out. Throws a Contradiction. */
export function advise(rules: Rules, answers: Answers): Advice {
  const rule = rules.rules[decide(rules, answers)];
  const price = rule && rules.prices[rule.approach];
  const principle = rule && rules.principles[rule.principle];
  if (!rule || !price || !principle) throw new Error("the table of rules has a hole");
  const [step, snippet, effort, time, cost, source] = price;
  const why = rule.when.map((condition) => reason(rules, condition, answers)).filter(Boolean);
  const open = new Set(changes(rules, answers).map(({ key }) => key));
  return {
    approach: rule.approach,
    also: rule.also,
    because: why.length ? why : ["Nothing that you answered points away from using a model."],
    principle: `${principle[0]} Source: ${principle[1]}.`,
    first_step: `${step} See snippets/${snippet}.`,
    effort: { band: effort, source },
    time: { band: time, source },
    cost: { band: cost, source },
    ask: Object.entries(rules.questions)
      .filter(([key]) => open.has(key) && answers[key] === undefined)
      .map(([, question]) => question),
  };
}
