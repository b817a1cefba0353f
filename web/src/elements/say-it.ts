import { brief, h, unique } from "../dom";
import type { Stage } from "../element";
import { provenance } from "../provenance";
import { call } from "../runtime";
import type { Heard } from "../worker/listen";

/** No sound of a few seconds is larger, in whatever format. */
const MOST_BYTES = 50e6;

/** What the reader says, uploads or takes from the book: as a picture, and as words. */
export async function start({ host, panel, signal, progress, say, fail }: Stage): Promise<void> {
  const { rate, most } = await call("listen", "load", {}, { signal, progress });
  const seconds = most / rate;

  let recording: AbortController | undefined;
  let asked = 0;

  const chosen = unique("file");
  const speak = h("button", { type: "button", class: "main", onclick: () => void record() }, `Speak (${seconds} s)`);
  const stop = h("button", { type: "button", disabled: true, onclick: () => recording?.abort() }, "Stop");
  const sample = h("button", { type: "button", onclick: () => void attempt(take) }, "Take the recorded sample");
  const file = h("input", { id: chosen, type: "file", accept: "audio/*,video/webm", onchange: () => void attempt(upload) });
  const wrong = h("p", { role: "alert", class: "wrong" });
  const words = h("p", { class: "written", dir: "auto" }, "…");
  const canvas = h("canvas", { class: "pixels", role: "img", "aria-label": "No sound yet", width: 1, height: 1 });
  const caption = h("figcaption", {}, "Loudness by pitch (upwards) and time: this picture is all that the model gets.");
  const note = h("p", { class: "quiet" }, 'It knows numbers, digits and small sums: say "seven plus five", or a row of digits.');
  panel.append(
    h("div", { class: "row" }, speak, stop, sample),
    h("div", {}, h("label", { for: chosen }, "Or a sound file: "), file),
    wrong,
    h("figure", { class: "strip sound" }, canvas, caption),
    h("p", { class: "title" }, "It heard"),
    words,
    note,
    provenance("number-whisper"),
  );

  /** Do one thing after the reader's press; what goes wrong is one sentence. */
  async function attempt(does: () => Promise<void>): Promise<void> {
    wrong.textContent = "";
    try {
      await does();
    } catch (error) {
      if (signal.aborted) return;
      const sentence = known(error);
      if (sentence) wrong.textContent = sentence;
      else fail(error);
    }
  }

  async function take(): Promise<void> {
    await hear(await call("listen", "sample", {}, { signal }), "");
  }

  async function upload(): Promise<void> {
    const picked = file.files?.[0];
    if (!picked) return;
    if (picked.size > MOST_BYTES) throw new Refused(`${brief(picked.name)} is larger than 50 MB: choose a recording of ${seconds} seconds.`);
    await decode(await picked.arrayBuffer(), brief(picked.name));
  }

  /** Until the time is over or the reader stops; the sound goes no further than this page. */
  async function record(): Promise<void> {
    await attempt(async () => {
      if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === "undefined") {
        throw new Refused("This browser gives a page no microphone here: choose a sound file, or take the recorded sample.");
      }
      speak.disabled = true;
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        await decode(await listened(stream), "Your recording");
      } finally {
        speak.disabled = false;
        stop.disabled = true;
        speak.focus({ preventScroll: true });
      }
    });
  }

  async function listened(stream: MediaStream): Promise<ArrayBuffer> {
    const mine = new AbortController();
    recording = mine;
    const parts: Blob[] = [];
    const recorder = new MediaRecorder(stream);
    const ended = new Promise<void>((done, broken) => {
      recorder.onstop = () => done();
      recorder.onerror = () => broken(new Refused("The recording broke off: try again, or choose a sound file."));
    });
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const finish = (): void => {
      if (recorder.state !== "inactive") recorder.stop();
    };
    for (const each of [mine.signal, signal]) each.addEventListener("abort", finish, { once: true });
    recorder.start();
    stop.disabled = false;
    stop.focus({ preventScroll: true });
    words.textContent = "Listening…";
    say("Listening.");
    const timer = setTimeout(finish, seconds * 1000);
    try {
      await ended;
    } finally {
      clearTimeout(timer);
      for (const track of stream.getTracks()) track.stop();
    }
    signal.throwIfAborted();
    return new Blob(parts).arrayBuffer();
  }

  /** One channel at the model's rate. */
  async function decode(content: ArrayBuffer, name: string): Promise<void> {
    let sound: AudioBuffer;
    try {
      sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(content);
    } catch {
      throw new Refused(`${name} holds no sound that this browser can read: try WAV, MP3 or OGG.`);
    }
    const wave = new Float32Array(Math.min(sound.length, most));
    for (let channel = 0; channel < sound.numberOfChannels; channel++) {
      const one = sound.getChannelData(channel);
      for (let at = 0; at < wave.length; at++) wave[at] = (wave[at] as number) + (one[at] as number) / sound.numberOfChannels;
    }
    await hear(wave, sound.length > most ? ` Only the first ${seconds} seconds of ${name} are heard.` : "");
  }

  async function hear(wave: Float32Array, remark: string): Promise<void> {
    const mine = ++asked;
    words.textContent = "…";
    const heard = await call("listen", "hear", { wave }, { signal });
    if (mine !== asked) return;
    words.textContent = heard.text.trim() || "(nothing)";
    picture(heard);
    note.textContent = `${(wave.length / rate).toFixed(1)} s of sound, read in ${heard.milliseconds.toFixed(0)} ms.${remark}`;
    say(`It heard: ${heard.text}`);
    host.dispatchEvent(new CustomEvent("live-answer", { detail: { ...heard, samples: wave.length } }));
  }

  /** Time to the right, pitch upwards. */
  function picture({ spectrogram, bands, text }: Heard): void {
    const frames = spectrogram.length / bands;
    [canvas.width, canvas.height] = [frames, bands];
    canvas.setAttribute("aria-label", `Spectrogram: bright where somebody speaks, dark between the words. It heard: ${text}`);
    const pixels = new ImageData(frames, bands);
    const least = spectrogram.reduce((a, b) => Math.min(a, b), Infinity);
    const span = Math.max(spectrogram.reduce((a, b) => Math.max(a, b), -Infinity) - least, 1e-6);
    for (let frame = 0; frame < frames; frame++) {
      for (let band = 0; band < bands; band++) {
        const level = ((spectrogram[frame * bands + band] as number) - least) / span;
        pixels.data.set([255 * level, 255 * level ** 2, 80 * (1 - level) + 90 * level ** 3, 255], ((bands - 1 - band) * frames + frame) * 4);
      }
    }
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  }
}

/** What the reader can do something about, in a sentence. */
class Refused extends Error {}

function known(error: unknown): string | undefined {
  if (error instanceof Refused) return error.message;
  const name = error instanceof DOMException ? error.name : "";
  const otherwise = "or choose a sound file, or take the recorded sample";
  if (name === "NotAllowedError" || name === "SecurityError") return `The microphone is not allowed here: allow it in the address bar, ${otherwise}.`;
  if (name === "NotFoundError" || name === "OverconstrainedError") return `No microphone was found: plug one in, ${otherwise}.`;
  if (name === "NotReadableError") return `The microphone is taken by another program: close it, ${otherwise}.`;
  return undefined;
}
