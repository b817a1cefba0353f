import { h } from "../dom";
import { sheet } from "../style";
import { grouped, readable } from "./numbers";

const text = `
.panel { border: 1px solid var(--rule, #ccc); border-left: 4px solid var(--steel, #23597f); border-radius: .4rem;
  padding: .8rem .9rem; font-size: .74rem; line-height: 1.5; color: var(--md-default-fg-color);
  background: var(--md-default-bg-color); overflow-wrap: anywhere; container-type: inline-size; }
.panel h3 { font-family: var(--serif, serif); font-size: 1rem; font-weight: 600; margin: .2rem 0 .3rem; }
.panel a { color: var(--md-typeset-a-color); }
fieldset { border: 0; border-top: 1px solid var(--rule, #ccc); border-radius: 0; padding: .5rem 0 .6rem; margin: 0; }
legend { padding: 0; font-size: .78rem; float: left; width: 100%; margin-bottom: .2rem; }
legend + * { clear: both; }
.choice { display: flex; gap: .45rem; align-items: baseline; font-weight: 400; padding: .1rem 0; min-height: 1.5rem; cursor: pointer; }
.choice input { accent-color: var(--ember, #b8430f); flex: none; }
.answer { border-top: 2px solid var(--steel, #23597f); margin-top: .7rem; padding-top: .5rem; }
.panel .verdict { font-family: var(--serif, serif); font-size: 1.15rem; font-weight: 600; margin: .1rem 0; }
.panel ul { margin: .3rem 0; padding-inline-start: 1.2rem; }
.questions { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 0 1.6rem; }
th[scope=row] { overflow-wrap: normal; min-width: 4rem; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(10.5rem, 100%), 1fr)); gap: .5rem .8rem; margin: .5rem 0; }
.field label { display: block; font-size: .68rem; }
.field input[aria-invalid=true] { border-color: var(--ember, #b8430f); }
.scroll { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .4rem 0; }
dt { font-weight: 600; } dd { margin: 0; }
@container (max-width: 22rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .3rem; } }
@media print { .panel { break-inside: auto; } button, .no-print { display: none !important; } .choice:not(:has(:checked)) { display: none; } }
`;

let made: CSSStyleSheet | undefined;

/** The element's own root with the book's look; what the element came with is no longer shown. */
export function room(host: HTMLElement): ShadowRoot {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(text);
  }
  root.adoptedStyleSheets = [sheet(), made];
  return root;
}

/** Three digits and a word that a reader can take in; the exact figure on hover. */
export function amount(value: number, unit = "", before = ""): HTMLElement {
  const exact = `${before}${grouped(value)}${unit}`;
  return h("span", { class: "number", title: exact }, `${before}${readable(value)}${unit}`);
}

const sizes: Record<string, number> = { k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, b: 1e9, billion: 1e9, t: 1e12, trillion: 1e12 };

/** `7e9`, `7B`, `7 billion`, `1,000`; NaN for what is no number. */
export function parseNumber(text: string): number {
  const match = /^\s*([+-]?(?:\d[\d,_ ]*\d|\d)?(?:\.\d+)?(?:e[+-]?\d{1,3})?)\s*([a-z]*)\s*$/i.exec(text);
  if (!match?.[1]) return Number.NaN;
  const size = match[2] ? sizes[match[2].toLowerCase()] : 1;
  return size === undefined ? Number.NaN : Number(match[1].replace(/[,_ ]/g, "")) * size;
}

/** A button that copies the address of this state, and says so. */
export function copyLink(status: HTMLElement): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      onclick: () =>
        void navigator.clipboard.writeText(location.href).then(
          () => (status.textContent = "Copied."),
          () => (status.textContent = "Copy the address from the address bar."),
        ),
    },
    "Copy the link to this",
  );
}
