/** Canvases: weights as pictures, a digit's pixels, and a field to draw on. */
import { h } from "./dom";
import type { Point } from "./numerics/drawing";

/** The colours that the page has now, which follow its scheme. */
function colours(host: HTMLElement): { plus: string; minus: string; ink: string } {
  const style = getComputedStyle(host);
  const get = (name: string, other: string): string => style.getPropertyValue(name).trim() || other;
  return { plus: get("--ember", "#b8430f"), minus: get("--steel", "#23597f"), ink: style.color || "#222" };
}

function square(canvas: HTMLCanvasElement, x: number, y: number, colour: string, alpha: number): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  context.fillStyle = colour;
  context.globalAlpha = Math.min(1, Math.max(0, alpha));
  context.fillRect(x, y, 1, 1);
}

/** What each hidden neuron looks for: 64 weights as 8 × 8, above zero in ember, below in steel. */
export function weightPicture(label: string): { canvas: HTMLCanvasElement; draw: (host: HTMLElement, w1: Float32Array) => void } {
  const columns = 8;
  const canvas = h("canvas", { class: "pixels", role: "img", "aria-label": label });
  canvas.style.setProperty("width", "100%");
  const draw = (host: HTMLElement, w1: Float32Array): void => {
    const neurons = w1.length / 64;
    canvas.width = columns * 9 - 1;
    canvas.height = Math.ceil(neurons / columns) * 9 - 1;
    const { plus, minus } = colours(host);
    const largest = w1.reduce((found, each) => Math.max(found, Math.abs(each)), 1e-9);
    w1.forEach((weight, index) => {
      const [neuron, pixel] = [Math.floor(index / 64), index % 64];
      const x = (neuron % columns) * 9 + (pixel % 8);
      const y = Math.floor(neuron / columns) * 9 + Math.floor(pixel / 8);
      square(canvas, x, y, weight > 0 ? plus : minus, Math.abs(weight) / largest);
    });
  };
  return { canvas, draw };
}

/** The 8 × 8 pixels that a network gets to see. */
export function digitPicture(): { canvas: HTMLCanvasElement; draw: (host: HTMLElement, pixels: ArrayLike<number>) => void } {
  const canvas = h("canvas", { class: "pixels", width: 8, height: 8, role: "img", "aria-label": "What the networks see: 8 by 8 pixels" });
  canvas.style.setProperty("width", "4rem");
  const draw = (host: HTMLElement, pixels: ArrayLike<number>): void => {
    canvas.width = 8;
    const { ink } = colours(host);
    for (let index = 0; index < 64; index++) square(canvas, index % 8, Math.floor(index / 8), ink, pixels[index] as number);
  };
  return { canvas, draw };
}

/** A field to draw on with a mouse, a finger or a pen; `changed` is called while and after. */
export function pad(host: HTMLElement, label: string, changed: (strokes: Point[][]) => void): { canvas: HTMLCanvasElement; clear: () => void } {
  const side = 168;
  const canvas = h("canvas", { class: "pixels pad", width: side, height: side, role: "img", "aria-label": label });
  let strokes: Point[][] = [];
  let drawing = false;
  const at = (event: PointerEvent): Point => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  };
  const draw = (): void => {
    canvas.width = side;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.strokeStyle = colours(host).ink;
    context.lineWidth = 12;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      stroke.forEach(([x, y], index) => {
        if (index === 0) context.moveTo(x * side, y * side);
        context.lineTo(x * side, y * side);
      });
      context.stroke();
    }
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    strokes.push([at(event)]);
    draw();
    changed(strokes);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    strokes.at(-1)?.push(at(event));
    draw();
    changed(strokes);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => {
      drawing = false;
    });
  }
  const clear = (): void => {
    strokes = [];
    draw();
    changed(strokes);
  };
  return { canvas, clear };
}
