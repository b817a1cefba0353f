/** What a reader teaches: classes, examples, and the head that came of them; as kept, exported and imported. */
import type { Head } from "./numerics/logistic";

export const MODEL = "all-MiniLM-L6-v2";
const FORMAT = "a head for sentence embeddings, 1";
const STORE = "teach-it";
/** Numbers in one vector of MiniLM. */
const WIDTH = 384;

export const MOST_CLASSES = 12;
export const MOST_EXAMPLES = 500;
const MOST_CHARACTERS = 2000;

export interface Class {
  name: string;
  examples: string[];
}

/** A head and the names of its classes, as they were when it was trained. */
export interface Taught {
  labels: string[];
  head: Head;
}

export interface Lesson {
  classes: Class[];
  taught: Taught | undefined;
}

/** A first lesson, to be written over. */
export function sample(): Lesson {
  return {
    classes: [
      {
        name: "refund",
        examples: [
          "I want my money back for the broken lamp.",
          "You charged me twice, please return one payment.",
          "How do I get a refund for a cancelled order?",
          "The jacket does not fit and I would like my money returned.",
        ],
      },
      {
        name: "delivery",
        examples: [
          "My parcel should have arrived on Monday.",
          "Where is the courier with my order?",
          "The tracking number shows nothing new since last week.",
          "Can you ship it to my office instead?",
        ],
      },
      {
        name: "praise",
        examples: [
          "Your team was kind and quick, thank you.",
          "The best shop I have bought from this year.",
          "I am delighted with the lamp, it looks lovely.",
          "Great service, I will tell my friends.",
        ],
      },
    ],
    taught: undefined,
  };
}

/** Lines of a field as examples: without empty ones, without the same one twice, of bounded length. */
export function examplesOf(lines: string): string[] {
  const cut = lines.split(/\r?\n/).map((line) => line.trim().slice(0, MOST_CHARACTERS));
  return [...new Set(cut.filter(Boolean))];
}

/** What keeps a lesson from being learnt, in one sentence; undefined if nothing does. */
export function obstacle({ classes }: Lesson): string | undefined {
  const names = classes.map(({ name }) => name.trim());
  if (classes.length < 2) return "Two classes are the least: add one.";
  if (names.some((name) => !name)) return "A class has no name: give it one.";
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) return `Two classes are called “${twice}”: rename one.`;
  const empty = classes.find(({ examples }) => examples.length === 0);
  if (empty) return `“${empty.name}” has no example: write one a line.`;
  const count = classes.reduce((sum, { examples }) => sum + examples.length, 0);
  if (count > MOST_EXAMPLES) return `${count} examples are more than the ${MOST_EXAMPLES} that fit here: remove some.`;
  return undefined;
}

/** The lesson as a file: plain JSON that Python reads, and this page again. */
export function exported({ classes, taught }: Lesson): string {
  const round = (value: number): number => Number(value.toPrecision(9));
  return JSON.stringify({
    format: FORMAT,
    model: `sentence-transformers/${MODEL}`,
    labels: taught?.labels ?? [],
    weights: taught?.head.weights.map((row) => [...row].map(round)) ?? [],
    biases: [...(taught?.head.biases ?? [])].map(round),
    examples: classes.map(({ name, examples }) => ({ label: name, texts: examples })),
  });
}

/** The lesson in a file. Raises an Error whose message says what is wrong with it. */
export function imported(content: string): Lesson {
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(content) as Record<string, unknown>;
  } catch {
    throw new Error("This file is not JSON: choose one that this page exported.");
  }
  if (found === null || typeof found !== "object" || found.format !== FORMAT) {
    throw new Error("This file holds no head: choose one that this page exported.");
  }
  const damaged = new Error("This file is damaged: export it again.");
  const { labels, weights, biases, examples } = found;
  if (!Array.isArray(examples) || examples.length > MOST_CLASSES || !Array.isArray(labels)) throw damaged;
  const classes = examples.map((each: unknown) => {
    const { label, texts } = (each ?? {}) as { label?: unknown; texts?: unknown };
    if (typeof label !== "string" || !Array.isArray(texts)) throw damaged;
    return { name: label.slice(0, 80), examples: examplesOf(texts.map(String).join("\n")) };
  });
  if (labels.length === 0) return { classes, taught: undefined };
  const numbers = (row: unknown, length: number): Float64Array => {
    if (!Array.isArray(row) || row.length !== length || !row.every((each) => Number.isFinite(each))) throw damaged;
    return Float64Array.from(row as number[]);
  };
  if (!Array.isArray(weights) || weights.length !== labels.length || !labels.every((each) => typeof each === "string")) {
    throw damaged;
  }
  const head = { weights: weights.map((row) => numbers(row, WIDTH)), biases: numbers(biases, labels.length) };
  return { classes, taught: { labels: labels as string[], head } };
}

/** Keep the lesson in this browser. Returns whether there was room. */
export function keep(lesson: Lesson): boolean {
  try {
    localStorage.setItem(STORE, exported(lesson));
    return true;
  } catch {
    return false;
  }
}

/** The lesson of the last visit, if there is one that can be read. */
export function kept(): Lesson | undefined {
  try {
    const content = localStorage.getItem(STORE);
    return content === null ? undefined : imported(content);
  } catch {
    return undefined;
  }
}

export function erase(): void {
  try {
    localStorage.removeItem(STORE);
  } catch {
    // Where storage is forbidden nothing was kept.
  }
}

/** A whole program that answers with the exported head. */
export const PYTHON = `"""Classify sentences with a head that was trained in the page.

Needs: pip install sentence-transformers, and head.json beside this file
"""

import json
import sys
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

head = json.loads(Path(__file__).with_name("head.json").read_text(encoding="utf-8"))
model = SentenceTransformer(head["model"])


def classify(texts: list[str]) -> np.ndarray:
    """Probabilities, a row for each text, a column for each of head["labels"]."""
    vectors = model.encode(texts, normalize_embeddings=True)
    logits = vectors @ np.array(head["weights"]).T + np.array(head["biases"])
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


texts = sys.argv[1:] or [text for each in head["examples"] for text in each["texts"]]
for text, chances in zip(texts, classify(texts)):
    print(f"{head['labels'][chances.argmax()]}\\t{chances.max():.2f}\\t{text}")
`;
