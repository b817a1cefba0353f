/** A picture in, a caption and scores of labels out. */
import { manifest } from "../manifest";
import { Blip, type BlipConfig } from "../numerics/blip";
import { Clip, type ClipConfig } from "../numerics/clip";
import { prepared, resized, type Preparation } from "../numerics/picture";
import { softmax } from "../numerics/softmax";
import { download } from "./download";
import { family, once, tokenizerOf } from "./family";
import type { Context } from "./room";

/** What the snippets draw with; written by `toolkit/families.py`. */
export interface Scene {
  side: number;
  colours: string[];
  sizes: Record<string, number>;
  places: Record<string, number>;
  /** Parts of 255, for the paper. */
  paper: number;
  /** Outlines of characters: SVG path data in units of the font, y upwards, from the start of the baseline. */
  shapes: Record<string, { path: string; advance: number }>;
  /** Units to an em; and how far below the middle of a line its baseline is. */
  units: number;
  drop: number;
}

/** The template of transformers' pipeline. */
const SENTENCE = (label: string): string => `This is a photo of ${label}.`;
/** A caption's new word pieces, as `caption_image.py` asks. */
const MOST = 20;
/** Characters of a label or a prompt that are looked at: far more than the model reads. */
const CUT = 400;

const open = once(async (context) => {
  // One after the other would show the bar filling twice.
  const seen = { blip: [0, 0], clip: [0, 0] } as Record<string, [number, number]>;
  const part = (name: string): Context => ({
    ...context,
    progress: (arrived, total) => {
      seen[name] = [arrived, total];
      const [first, second] = Object.values(seen) as [[number, number], [number, number]];
      context.progress(first[0] + second[0], first[1] + second[1]);
    },
  });
  const [one, two, [drawn]] = await Promise.all([
    family("scene-blip", part("blip")),
    family("scene-clip", part("clip")),
    download([manifest.extras.scene as string], () => undefined, context.signal),
  ]);
  const [blip, clip] = [one.settings<BlipConfig>("config"), two.settings<ClipConfig>("config")];
  return {
    scene: JSON.parse(new TextDecoder().decode(drawn)) as Scene,
    blip: { model: new Blip(one.weights, blip), words: tokenizerOf(one), side: blip.vision_config.image_size, how: one.settings<Preparation>("preprocessor_config") },
    clip: { model: new Clip(two.weights, clip), words: tokenizerOf(two), config: clip, side: clip.vision_config.image_size, how: two.settings<Preparation>("preprocessor_config") },
    known: new Map<string, Float32Array>(),
  };
});

export async function load(_: object, context: Context): Promise<Scene> {
  return (await open(context)).scene;
}

export interface Shown {
  /** RGBA of a square picture. */
  pixels: Uint8ClampedArray;
  side: number;
  labels: string[];
  /** Words that the caption begins with. */
  prompt: string;
}

export interface Described {
  caption: string;
  /** Of the labels, in their order; they sum to one. */
  probabilities: number[];
  /** RGB of the picture as the models get it. */
  small: Uint8Array;
  smallSide: number;
  milliseconds: number;
}

export async function describe({ pixels, side, labels, prompt }: Shown, context: Context): Promise<Described> {
  const { blip, clip, known } = await open(context);
  const begun = performance.now();
  const small = resized(pixels, side, blip.side);
  const ids = blip.words.encode(prompt.slice(0, CUT), { add_special_tokens: false }).ids.slice(0, 100);
  const said = blip.model.caption(prepared(small, blip.how), ids, MOST);
  // The tokenizer refuses to make nothing of nothing.
  const caption = said.length ? blip.words.decode(said, { skip_special_tokens: true, clean_up_tokenization_spaces: false }) : "";
  const picture = clip.model.picture(prepared(blip.side === clip.side ? small : resized(pixels, side, clip.side), clip.how));
  if (known.size > 500) known.clear();
  const scores = labels.map((label) => {
    let sentence = known.get(label);
    if (!sentence) {
      sentence = clip.model.sentence(read(clip.words.encode(SENTENCE(label.slice(0, CUT))).ids, clip.config));
      known.set(label, sentence);
    }
    return clip.model.scale * sentence.reduce((sum, value, at) => sum + value * (picture[at] as number), 0);
  });
  return { caption, probabilities: [...softmax(scores)], small, smallSide: blip.side, milliseconds: performance.now() - begun };
}

/** At most as many tokens as there are places, the end mark with them. */
function read(ids: number[], { text_config: { max_position_embeddings: most, eos_token_id: end } }: ClipConfig): number[] {
  return ids.length > most ? [...ids.slice(0, most - 1), end] : ids;
}
