/** A point of a stroke; both parts count from the upper left corner of the field, which is 1 wide and 1 high. */
export type Point = [x: number, y: number];

const GRID = 32;
/** Half a line's width in dots: with it a drawing holds about as much ink as the data's own digits. */
const PEN = 3;

/**
 * Strokes as the digits' makers would have scanned them: fitted into 32 × 32 dots, then dots counted in 8 × 8 blocks.
 *
 * Returns 64 pixels in 0 to 1, row after row; all 0 without strokes. The recipe: Alpaydin and Kaynak 1998,
 * "Optical recognition of handwritten digits", the data set that scikit-learn's digits are the test half of.
 */
export function pixelsOf(strokes: Point[][]): Float32Array {
  const pixels = new Float32Array(64);
  const points = strokes.flat();
  if (points.length === 0) return pixels;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  // A dot has no size to be fitted by, and a line of no width keeps its height.
  const size = Math.max(right - left, bottom - top, 0.08);
  const scale = (GRID - 2 * PEN) / size;
  const place = ([x, y]: Point): Point => [
    GRID / 2 + (x - (left + right) / 2) * scale,
    GRID / 2 + (y - (top + bottom) / 2) * scale,
  ];
  const placed = strokes.map((stroke) => stroke.map(place));
  for (let row = 0; row < GRID; row++) {
    for (let column = 0; column < GRID; column++) {
      const dot: Point = [column + 0.5, row + 0.5];
      if (placed.some((stroke) => near(dot, stroke))) {
        const pixel = Math.floor(row / 4) * 8 + Math.floor(column / 4);
        pixels[pixel] = (pixels[pixel] as number) + 1 / 16;
      }
    }
  }
  return pixels;
}

function near(dot: Point, stroke: Point[]): boolean {
  return stroke.some((to, index) => distance(dot, stroke[Math.max(0, index - 1)] as Point, to) <= PEN);
}

/** From a point to a segment. */
function distance([px, py]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = dx || dy ? Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy))) : 0;
  return Math.hypot(px - ax - along * dx, py - ay - along * dy);
}
