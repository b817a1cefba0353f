/** A text in, the next token out. */
import type { Tokenizer } from "@huggingface/tokenizers";
import { Gpt, repeats, type GptConfig } from "../numerics/gpt";
import { softmax } from "../numerics/softmax";
import { family, once, tokenizerOf } from "./family";
import type { Context } from "./room";

/** Drawn from the likeliest, as `generate_text.py` draws. */
const AMONG = 20;

interface Loaded {
  gpt: Gpt;
  tokenizer: Tokenizer;
  config: GptConfig;
}

const open = once(async (context): Promise<Loaded> => {
  const found = await family("docstring-gpt", context);
  const config = found.settings<GptConfig>("config");
  return { gpt: new Gpt(found.weights, config), tokenizer: tokenizerOf(found), config };
});

export interface Limits {
  /** Tokens that a text may have. */
  positions: number;
  /** The token that ends a text. */
  end: number;
}

export async function load(_: object, context: Context): Promise<Limits> {
  const { config } = await open(context);
  return { positions: config.n_positions, end: config.eos_token_id };
}

/** Token ids of the text's end, `most` of them; the start mark where there is no text. */
export async function encode({ text, most }: { text: string; most: number }, context: Context): Promise<{ ids: number[]; cut: boolean }> {
  const { tokenizer, config } = await open(context);
  // A token of this tokenizer is 40 characters at most on average, by far.
  const { ids } = tokenizer.encode(text.slice(-most * 40));
  if (ids.length === 0) return { ids: [config.bos_token_id], cut: false };
  return { ids: ids.slice(-most), cut: ids.length > most || text.length > most * 40 };
}

export interface Asked {
  ids: number[];
  /** 0 takes the likeliest token. */
  temperature: number;
  /** Runs of so many tokens may not come twice; 0 allows all. */
  noRepeat: number;
}

export interface Candidate {
  id: number;
  text: string;
  probability: number;
  /** It would repeat a run, so it is not taken. */
  barred: boolean;
}

export interface Next {
  /** The likeliest tokens, best first; probabilities are those among all tokens, at the temperature or else at 1. */
  candidates: Candidate[];
  chosen: number;
  /** `ids` as text. */
  text: string;
  milliseconds: number;
}

export async function next({ ids, temperature, noRepeat }: Asked, context: Context): Promise<Next> {
  const { gpt, tokenizer, config } = await open(context);
  const begun = performance.now();
  const logits = gpt.logits(ids);
  const milliseconds = performance.now() - begun;
  const probabilities = softmax(temperature > 0 ? logits.map((logit) => logit / temperature) : logits);
  const barred = noRepeat > 0 ? repeats(ids, noRepeat) : new Set<number>();
  const order = Array.from(probabilities.keys()).sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number));
  const candidates = order.slice(0, 10).map((id) => ({
    id,
    text: tokenizer.decode([id], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    probability: probabilities[id] as number,
    barred: barred.has(id),
  }));
  const free = order.filter((id) => !barred.has(id)).slice(0, AMONG);
  const chosen = temperature > 0 ? draw(free, probabilities) : free[0];
  const shown = ids[0] === config.bos_token_id ? ids.slice(1) : ids;
  const text = shown.length ? tokenizer.decode(shown, { skip_special_tokens: true, clean_up_tokenization_spaces: false }) : "";
  return { candidates, chosen: chosen ?? config.eos_token_id, text, milliseconds };
}

function draw(ids: number[], probabilities: Float64Array): number | undefined {
  let left = Math.random() * ids.reduce((sum, id) => sum + (probabilities[id] as number), 0);
  return ids.find((id) => (left -= probabilities[id] as number) < 0) ?? ids.at(-1);
}
