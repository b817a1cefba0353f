/** A function of many variables, and its gradient, which is written into the second argument. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

const MEMORY = 10;

export function dot(a: Float64Array, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Adds `factor` times `what` to `to`, in place. */
export function add(to: Float64Array, factor: number, what: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + factor * (what[i] as number);
}

/**
 * Minimise a smooth convex function: L-BFGS with backtracking, Nocedal and Wright 2006, algorithms 7.4, 7.5 and 3.1.
 *
 * `seen` is called with every point it steps to, the start included. Stops when no part of the gradient
 * is larger than `tolerance`, or after `most` steps.
 */
export function minimise(
  objective: Objective,
  start: Float64Array,
  seen: (at: Float64Array, value: number) => void = () => undefined,
  tolerance = 1e-5,
  most = 500,
): Float64Array {
  let x = start.slice();
  let gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  const moves: Float64Array[] = [];
  const changes: Float64Array[] = [];
  seen(x, value);
  for (let step = 0; step < most; step++) {
    if (gradient.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0) <= tolerance) break;
    const direction = descent(gradient, moves, changes);
    const slope = dot(direction, gradient);
    let length = moves.length ? 1 : 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)));
    let next = x;
    let nextValue = value;
    const nextGradient = new Float64Array(x.length);
    for (let halvings = 0; halvings < 40; halvings++, length /= 2) {
      next = x.slice();
      add(next, length, direction);
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + 1e-4 * length * slope) break;
    }
    if (!(nextValue < value)) break; // as low as the digits of a double allow
    const move = next.slice();
    add(move, -1, x);
    const change = nextGradient.slice();
    add(change, -1, gradient);
    if (dot(move, change) > 1e-12) {
      moves.push(move);
      changes.push(change);
      if (moves.length > MEMORY) {
        moves.shift();
        changes.shift();
      }
    }
    x = next;
    gradient = nextGradient;
    value = nextValue;
    seen(x, value);
  }
  return x;
}

/** The two-loop recursion: minus the gradient, bent by what the last steps say of the curvature. */
function descent(gradient: Float64Array, moves: Float64Array[], changes: Float64Array[]): Float64Array {
  const direction = gradient.map((each) => -each);
  const factors: number[] = [];
  for (let i = moves.length - 1; i >= 0; i--) {
    const [move, change] = [moves[i] as Float64Array, changes[i] as Float64Array];
    const factor = dot(move, direction) / dot(move, change);
    factors[i] = factor;
    add(direction, -factor, change);
  }
  const last = moves.length - 1;
  if (last >= 0) {
    const [move, change] = [moves[last] as Float64Array, changes[last] as Float64Array];
    const scale = dot(move, change) / dot(change, change);
    for (let i = 0; i < direction.length; i++) direction[i] = (direction[i] as number) * scale;
  }
  for (let i = 0; i < moves.length; i++) {
    const [move, change] = [moves[i] as Float64Array, changes[i] as Float64Array];
    add(direction, (factors[i] as number) - dot(change, direction) / dot(move, change), move);
  }
  return direction;
}
