// Run by tests/test_decide.py: reads what Python asks on standard input, answers on standard output.
import { readFileSync, writeFileSync } from "node:fs";
import { advise, Contradiction, decide, type Answers, type Rules } from "../src/decide/advisor";
import {
  breakEven,
  monthlyBill,
  requestsUntilServingOvertakes,
  servingMemory,
  trainingBill,
  trainingGpuHours,
  trainingMemory,
  type ServingFigures,
  type Shape,
  type TrainingFigures,
} from "../src/decide/calculators";

interface Asked {
  rules: Rules;
  training: TrainingFigures;
  serving: ServingFigures;
  /** Each answer with all that it can be, null for not given. */
  axes: [string, (string | number | string[] | null)[]][];
  advice: Answers[];
  hours: [number, number, string, number | null][];
  bills: [number, string, number, number, number][];
  memory: [number, string, Shape][];
  serve: [number, number, number, number, number, number, number, number][];
  months: [Record<string, number>, number, number, number][];
  overtakes: [number, number][];
}

const [input, everything] = process.argv.slice(2);
const asked = JSON.parse(readFileSync(input!, "utf8")) as Asked;

/** The deciding rule of every combination, the last answer fastest; -1 where it is refused. */
function decisions(): Int8Array {
  const sizes = asked.axes.map(([, values]) => values.length);
  const found = new Int8Array(sizes.reduce((product, size) => product * size, 1));
  const answers: Answers = {};
  let place = 0;
  const walk = (depth: number): void => {
    const axis = asked.axes[depth];
    if (!axis) {
      try {
        found[place] = decide(asked.rules, answers);
      } catch (error) {
        if (!(error instanceof Contradiction)) throw error;
        found[place] = -1;
      }
      place++;
      return;
    }
    const [key, values] = axis;
    for (const value of values) {
      if (value === null) delete answers[key];
      else answers[key] = value;
      walk(depth + 1);
    }
    delete answers[key];
  };
  walk(0);
  return found;
}

writeFileSync(everything!, decisions());
console.log(
  JSON.stringify({
    advice: asked.advice.map((answers) => advise(asked.rules, answers)),
    hours: asked.hours.map(([n, d, gpu, share]) => trainingGpuHours(asked.training, n, d, gpu, share ?? undefined)),
    bills: asked.bills.map((bill) => trainingBill(asked.training, ...bill)),
    memory: asked.memory.map((memory) => trainingMemory(asked.training, ...memory)),
    serve: asked.serve.map((serve) => servingMemory(...serve)),
    months: asked.months.map(([prices, requests, read, written]) => [
      monthlyBill(asked.serving, prices, requests, read, written),
      breakEven(asked.serving, prices, "own server", read, written) ?? null,
      breakEven(asked.serving, prices, "fine-tuned", read, written) ?? null,
    ]),
    overtakes: asked.overtakes.map((pair) => requestsUntilServingOvertakes(...pair)),
  }),
);
