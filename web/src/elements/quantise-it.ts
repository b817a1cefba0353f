import { h, unique } from "../dom";
import type { Stage } from "../element";
import { weightPicture } from "../pictures";
import { curves } from "../plot";
import { call } from "../runtime";
import type { Rung } from "../worker/digits";

const BITS = [32, 16, 8, 6, 5, 4, 3, 2];

/** One trained network on a ladder of precisions; each rung's accuracy is counted in the page. */
export async function start(stage: Stage): Promise<void> {
  const { host, panel, signal, say, fail } = stage;
  await call("digits", "load", null, stage);
  const rungs: Rung[] = [];
  for (const bits of BITS) rungs.push(await call("digits", "rung", { bits }, { signal }));

  const name = unique("bits");
  const slider = h("input", { id: name, type: "range", min: 0, max: BITS.length - 1, step: 1, value: 0, oninput: () => void choose() });
  const answer = h("p", {}, "");
  const picture = weightPicture("The network's weights at this precision, one small picture for each of 32 neurons");
  const rows = rungs.map((rung) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${rung.bits} bit`),
      h("td", { class: "number" }, `${rung.bytes.toLocaleString("en")} bytes`),
      h("td", { class: "number" }, `${rung.right} of ${rung.tests}`),
    ),
  );
  const head = h("tr", {}, ...["Weights in", "Size", "Read right"].map((title, column) => h("th", { scope: "col", class: column ? "number" : "" }, title)));
  const shares = rungs.map(({ accuracy }) => accuracy);
  const label = `Line chart: accuracy from ${BITS[0]} bits to ${BITS.at(-1)}: ${shares.map((share) => share.toFixed(2)).join(", ")}`;
  const chart = curves([{ name: "accuracy", colour: "--ember", values: shares }], label, BITS.map(String));
  panel.append(
    h("label", { for: name }, "Bits for each weight"),
    slider,
    answer,
    h(
      "div",
      { class: "columns" },
      h("figure", {}, picture.canvas, h("figcaption", {}, "The weights. Ember is above zero, steel below; the fewer bits, the fewer shades.")),
      h("figure", {}, chart, h("figcaption", {}, "Accuracy on the test digits, from 32 bits down to 2")),
    ),
    h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)),
    h("p", { class: "quiet" }, "A network of 2,410 weights, trained on scikit-learn's digits when this site was built. Below 16 bits the weights of a tensor share one scale. Every count is made in this page, on images that the network never learnt from."),
  );

  let busy = false;
  async function choose(): Promise<void> {
    if (busy) return;
    busy = true;
    try {
      for (let asked: string | undefined; asked !== slider.value; ) {
        asked = slider.value;
        const begun = performance.now();
        show(Number(asked), await call("digits", "rung", { bits: BITS[Number(asked)] as number }, { signal }), performance.now() - begun);
      }
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
    }
  }

  function show(index: number, { bits, weights, bytes, accuracy, right, tests }: Rung, milliseconds: number): void {
    const share = (100 * bytes) / (rungs[0]?.bytes ?? bytes);
    const values = new Set(weights.flatMap((each) => [...each])).size;
    const said = `${bits} bit: ${bytes.toLocaleString("en")} bytes, ${share.toFixed(0)} % of the first; ${right} of ${tests} digits read, accuracy ${accuracy.toFixed(3)}`;
    answer.textContent = `${said}; ${values.toLocaleString("en")} different values; counted in ${milliseconds.toFixed(0)} ms.`;
    slider.setAttribute("aria-valuetext", `${bits} bits`);
    rows.forEach((row, other) => row.setAttribute("aria-current", String(other === index)));
    picture.draw(host, weights[0]);
    host.dispatchEvent(new CustomEvent("live-answer", { detail: { bits, bytes, accuracy, right } }));
    say(said);
  }

  await choose();
}
