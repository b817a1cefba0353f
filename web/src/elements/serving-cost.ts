import { breakEven, monthlyBill, requestsUntilServingOvertakes, servingMemory, type ServingFigures } from "../decide/calculators";
import { calculator, table } from "../decide/fields";
import { amount } from "../decide/look";
import { grouped } from "../decide/numbers";
import { dataOf } from "../decide/state";
import { h, svg } from "../dom";

const ways = ["API", "own server", "fine-tuned"] as const;
const colours = { API: "#4a80d4", "own server": "#d9531e", "fine-tuned": "#2a8f99" };

export function mount(host: HTMLElement, signal: AbortSignal): void {
  const figures = dataOf<ServingFigures>(host);
  const price = (key: string, label: string) => ({ key, label, value: String(figures.prices[key]) });
  const groups = [
    {
      title: "Your requests",
      fields: [
        { key: "requests", label: "Requests a month", value: "1 million" },
        { key: "read", label: "Tokens read by one", value: "500" },
        { key: "written", label: "Tokens written by one", value: "200" },
      ],
    },
    {
      title: "Your prices",
      fields: [
        price("input", "$ a million tokens read (API)"),
        price("output", "$ a million tokens written (API)"),
        price("server", "$ an hour for a server"),
        price("training", "$ once for fine-tuning"),
        price("large", "Tokens a second, large model"),
        price("small", "Tokens a second, small model"),
      ],
    },
    {
      title: "The model, for its memory and its training",
      fields: [
        { key: "parameters", label: "Parameters", value: "8.03 billion" },
        { key: "layers", label: "Layers", value: "32" },
        { key: "kv", label: "Heads with keys and values", value: "8" },
        { key: "dimension", label: "Dimension of a head", value: "128" },
        { key: "context", label: "Tokens of one request at most", value: "4096" },
        { key: "batch", label: "Requests at once", value: "16" },
        { key: "bits", label: "Bits of a weight", value: "16" },
        { key: "trained", label: "Tokens that it was trained on", value: "15 trillion" },
      ],
    },
  ];
  calculator(host, signal, "serving-cost", "Which bill would be yours?", groups, (inputs) => {
    const [requests, read, written] = [inputs.number("requests"), inputs.number("read"), inputs.number("written")];
    const prices = Object.fromEntries(Object.keys(figures.prices).map((key) => [key, inputs.number(key)]));
    const bill = monthlyBill(figures, prices, requests, read, written);
    const cheapest = ways.reduce((one, other) => (bill[other] < bill[one] ? other : one));
    const crossing = (way: "own server" | "fine-tuned"): string | HTMLElement => {
      const needed = breakEven(figures, prices, way, read, written);
      return needed === undefined ? "never" : amount(needed, " requests");
    };
    const [layers, kv, dimension] = [inputs.number("layers"), inputs.number("kv"), inputs.number("dimension")];
    const [context, batch, bits] = [inputs.number("context"), inputs.number("batch"), inputs.number("bits")];
    const memory = servingMemory(inputs.number("parameters"), layers, kv, dimension, context, batch, bits, 16);
    const overtakes = requestsUntilServingOvertakes(inputs.number("trained"), read + written);
    return [
      h("p", { class: "verdict" }, `${cheapest}: `, amount(bill[cheapest], " a month", "$")),
      table(
        ["", "this month", "cheaper than the API from"],
        ways.map((way) => [way, amount(bill[way], "", "$"), way === "API" ? "" : crossing(way)]),
      ),
      drawing(figures, prices, read, written, requests),
      h("dl", {},
        h("dt", {}, "Weights"), h("dd", {}, amount(memory.weights, " GB")),
        h("dt", {}, "Cache"), h("dd", {}, amount(memory.cache, " GB")),
        h("dt", {}, "Both"), h("dd", {}, amount(memory.total, " GB")),
        h("dt", {}, "Serving has cost as much compute as training after"), h("dd", {}, amount(overtakes, " requests"))),
      h("p", { class: "quiet" }, "A server is rented whole. The fine-tuned model bears its training in the first month. Left out: people, traffic, idle copies."),
    ];
  });
}

/** A power of ten for a narrow axis. */
function short(value: number): string {
  const [size, letter] = ([[1e12, "T"], [1e9, "B"], [1e6, "M"]] as const).find(([least]) => value >= least) ?? [1, ""];
  return grouped(value / size, 3) + letter;
}

/** The three bills against requests, both on a logarithmic scale. */
function drawing(figures: ServingFigures, prices: Record<string, number>, read: number, written: number, now: number): Node {
  const [wide, high, left, below] = [420, 190, 46, 26];
  const counts = Array.from({ length: 121 }, (_, step) => 10 ** (3 + step / 20));
  const bills = counts.map((count) => monthlyBill(figures, prices, count, read, written));
  const all = bills.flatMap((bill) => ways.map((way) => bill[way])).filter((dollars) => dollars > 0);
  if (!all.length) return h("p", { class: "quiet" }, "Nothing costs anything here.");
  const bottom = Math.floor(Math.log10(Math.min(...all)));
  const top = Math.max(bottom + 1, Math.ceil(Math.log10(Math.max(...all))));
  const x = (count: number): number => left + ((Math.log10(count) - 3) / 6) * (wide - left - 8);
  const y = (dollars: number): number => 8 + ((top - Math.log10(dollars)) / (top - bottom)) * (high - below - 8);
  const plot = svg("svg", { class: "plot", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": "Monthly bills of API, own server and fine-tuned model against requests", fill: "currentColor", "font-size": 10 });
  const text = (at: number, up: number, said: string, anchor: string): void => {
    const label = svg("text", { x: at, y: up, "text-anchor": anchor });
    label.textContent = said;
    plot.append(label);
  };
  for (const [power, said] of [[3, "1,000"], [5, "100,000"], [7, "10 million"], [9, "1 billion"]] as const) {
    text(x(10 ** power), high - 12, said, power === 9 ? "end" : "middle");
  }
  text(wide / 2, high - 1, "requests a month", "middle");
  for (let power = bottom; power <= top; power += Math.max(1, Math.round((top - bottom) / 4))) {
    text(left - 5, y(10 ** power) + 3, `$${short(10 ** power)}`, "end");
    plot.append(svg("line", { x1: left, x2: wide - 8, y1: y(10 ** power), y2: y(10 ** power), stroke: "currentColor", "stroke-opacity": 0.15 }));
  }
  ways.forEach((way, place) => {
    const points = counts.flatMap((count, step) => {
      const dollars = bills[step]?.[way] ?? 0;
      return dollars > 0 ? [`${x(count).toFixed(1)},${y(dollars).toFixed(1)}`] : [];
    });
    plot.append(svg("polyline", { points: points.join(" "), fill: "none", stroke: colours[way], "stroke-width": 2 }));
    plot.append(svg("rect", { x: left + 8, y: 10 + place * 14, width: 14, height: 3, fill: colours[way] }));
    text(left + 27, 15 + place * 14, way, "start");
  });
  if (now >= 1e3 && now <= 1e9) {
    plot.append(svg("line", { x1: x(now), x2: x(now), y1: 8, y2: high - below, stroke: "currentColor", "stroke-dasharray": "3 3" }));
  }
  return plot;
}
