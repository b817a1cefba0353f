/** Weights of a family with all the settings that lie beside them. */
import { Tokenizer } from "@huggingface/tokenizers";
import { filesOf } from "../manifest";
import { Weights } from "../numerics/weights";
import { Problem } from "../problem";
import { download } from "./download";
import type { Context } from "./room";

export interface Family {
  weights: Weights;
  /** The JSON file `name` of the model's folder, such as `config` or `scheduler/scheduler_config`. */
  settings: <T>(name: string) => T;
}

export async function family(name: string, { progress, signal }: Context): Promise<Family> {
  const [said, tensors] = await download(filesOf(name), progress, signal);
  return opened(said as Uint8Array, tensors as Uint8Array);
}

export function opened(said: Uint8Array, tensors: Uint8Array): Family {
  const files = JSON.parse(new TextDecoder().decode(said)) as Record<string, unknown>;
  const settings = <T>(name: string): T => {
    if (!(name in files)) throw new Error(`no settings ${name}`);
    return files[name] as T;
  };
  return { weights: new Weights(tensors), settings };
}

export function tokenizerOf({ settings }: Family): Tokenizer {
  return new Tokenizer(settings<object>("tokenizer"), settings<object>("tokenizer_config"));
}

/** `open`, once for all demos of a page; again if it failed, or if the demo that began it was stopped. */
export function once<T>(open: (context: Context) => Promise<T>): (context: Context) => Promise<T> {
  let found: Promise<T> | undefined;
  return async (context) => {
    for (;;) {
      const opening = (found ??= open(context));
      try {
        return await opening;
      } catch (error) {
        if (found === opening) found = undefined;
        if (Problem.of(error).kind !== "stopped" || context.signal.aborted) throw error;
      }
    }
  };
}
