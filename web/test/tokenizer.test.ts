import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import { expect, test } from "vitest";
import { manifest } from "../src/manifest";
import { random } from "../src/numerics/random";
import { python, root, served } from "./files";

const both = JSON.parse(served(manifest.models["all-MiniLM-L6-v2"]?.tokenizer ?? "").toString()) as {
  tokenizer: object;
  config: object;
};
const tokenizer = new Tokenizer(both.tokenizer, both.config);

const ODD = [
  "",
  " ",
  "\n\t\r",
  "[SEP] [CLS] [MASK] [PAD] [UNK]",
  "a[SEP]b",
  "<img src=x onerror=alert(1)>",
  "naïve café, Ångström, ÅÄÖ, e\u0301",
  "東京は大きい 서울 Привет",
  "مرحبا بالعالم שלום",
  "👍👩‍👩‍👧‍👦🇫🇷 tail",
  "zero\u200bwidth \u00a0 soft\u00adhyphen \ufeff",
  "control\u0000\u0001\u001f\u007f\ufffd",
  "x".repeat(100),
  "x".repeat(101),
  "don't can't 'quoted' “curly” — dash",
  "3.14 1,000 £5 50% #tag @name a_b",
  "ﬁ ﬂ ½ ² ™ ß İ ı",
];

/** Strings that nobody typed, of letters, marks, scripts and symbols. */
function noise(count: number): string[] {
  const next = random(7);
  const blocks: [number, number][] = [[32, 127], [160, 591], [768, 880], [880, 1424], [1488, 1515], [1569, 1610], [8192, 8304], [12352, 12543], [19968, 20500], [44032, 44500], [128512, 128592]];
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(next() * 40) }, () => {
      const [from, to] = blocks[Math.floor(next() * next() * blocks.length)] as [number, number];
      return String.fromCodePoint(from + Math.floor(next() * (to - from)));
    }).join(""),
  );
}

test("gives Python's ids for 1,000 strings and more", () => {
  const lines = readFileSync(`${root}/snippets/data/reviews.csv`, "utf8").split("\n");
  const reviews = lines.filter((_, index) => index % 9 === 1);
  const texts = [...ODD, ...noise(300), ...reviews];
  expect(texts.length).toBeGreaterThan(1000);
  const wanted = python<number[][]>(
    `import json, sys
from toolkit import hub
from toolkit.book import Book
from tokenizers import Tokenizer
model = hub.read_catalog(Book.locate())["sentence-transformers/all-MiniLM-L6-v2"]
words = Tokenizer.from_file(str(model.source(Book.locate()) / "tokenizer.json"))
words.no_truncation(); words.no_padding()
print(json.dumps([words.encode(text).ids for text in json.load(sys.stdin)]))`,
    texts,
  );
  const different = texts.filter((text, index) => String(tokenizer.encode(text).ids) !== String(wanted[index]));
  expect(different).toEqual([]);
});
