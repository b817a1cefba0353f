import { svg } from "./dom";

/** Curves over steps, from zero up; the largest value sets the scale. `ticks` name the steps, if they have names. */
export function curves(lines: { name: string; colour: string; values: (number | undefined)[] }[], label: string, ticks: string[] = []): SVGElement {
  const [width, height, left, bottom] = [320, 120, 30, 16];
  const all = lines.flatMap(({ values }) => values.filter((value): value is number => value !== undefined));
  const top = Math.max(1e-9, ...all);
  const most = Math.max(2, ...lines.map(({ values }) => values.length));
  const x = (step: number): number => left + (step / (most - 1)) * (width - left - 6);
  const y = (value: number): number => 6 + (1 - value / top) * (height - bottom - 6);
  const drawn = lines.map(({ colour, values }) => {
    const points = values.map((value, step) => (value === undefined ? "" : `${x(step).toFixed(1)},${y(value).toFixed(1)}`));
    return svg("polyline", { points: points.join(" ").trim(), fill: "none", stroke: `var(${colour})`, "stroke-width": 2 });
  });
  const text = (at: [number, number], said: string, anchor: string): SVGElement => {
    const element = svg("text", { x: at[0], y: at[1], "text-anchor": anchor, "font-size": 9, fill: "currentColor" });
    element.textContent = said;
    return element;
  };
  return svg(
    "svg",
    { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, width, height },
    svg("path", { d: `M${left},6V${height - bottom}H${width - 6}`, fill: "none", stroke: "currentColor", opacity: 0.4 }),
    ...drawn,
    text([left - 4, 12], top.toFixed(top < 10 ? 1 : 0), "end"),
    text([left - 4, height - bottom], "0", "end"),
    ...(ticks.length
      ? ticks.map((tick, step) => text([x(step), height - 4], tick, "middle"))
      : [text([width - 6, height - 4], `step ${most - 1}`, "end")]),
  );
}
