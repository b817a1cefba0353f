/** A sound in, its spectrogram and its words out. */
import { manifest } from "../manifest";
import { Ear, type EarConfig } from "../numerics/mel";
import { Whisper, type WhisperConfig } from "../numerics/whisper";
import { download } from "./download";
import { family, once, tokenizerOf } from "./family";
import type { Context } from "./room";

const open = once(async (context) => {
  const found = await family("number-whisper", context);
  const [config, generation] = [found.settings<WhisperConfig>("config"), found.settings<Generation>("generation_config")];
  const { feature_extractor: ear } = found.settings<{ feature_extractor: EarConfig }>("processor_config");
  return { ear: new Ear(ear), heard: ear, whisper: new Whisper(found.weights, config), words: tokenizerOf(found), generation };
});

interface Generation {
  decoder_start_token_id: number;
  max_length: number;
  no_timestamps_token_id: number;
}

export interface Hearing {
  /** Samples a second. */
  rate: number;
  /** Samples that it hears at most. */
  most: number;
}

export async function load(_: object, context: Context): Promise<Hearing> {
  const { heard } = await open(context);
  return { rate: heard.sampling_rate, most: heard.n_samples };
}

/** The book's recording, one channel at the model's rate. */
export async function sample(_: object, { signal }: Context): Promise<Float32Array> {
  const [content] = await download([manifest.extras["spoken-sum"] as string], () => undefined, signal);
  return Float32Array.from(new Int16Array((content as Uint8Array).slice().buffer), (step) => step / 2 ** 15);
}

export interface Heard {
  text: string;
  /** Rows of `bands` for each moment. */
  spectrogram: Float32Array;
  bands: number;
  /** Moments a second. */
  pace: number;
  milliseconds: number;
}

export async function hear({ wave }: { wave: Float32Array }, context: Context): Promise<Heard> {
  const { ear, heard, whisper, words, generation } = await open(context);
  const begun = performance.now();
  const spectrogram = ear.hear(wave);
  const { decoder_start_token_id: start, no_timestamps_token_id: plain, max_length: most } = generation;
  const ids = whisper.transcribe(spectrogram, [start, plain], most);
  const text = ids.length ? words.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false }) : "";
  const milliseconds = performance.now() - begun;
  return { text, spectrogram, bands: heard.feature_size, pace: heard.sampling_rate / heard.hop_length, milliseconds };
}
