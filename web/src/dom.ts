/** Elements without markup strings: what a reader typed is only ever text. */
type Properties = Record<string, string | number | boolean | ((event: Event) => void) | undefined>;
type Child = Node | string | undefined;

/** `on…` is a listener, a boolean sets or leaves an attribute out, the rest are attributes. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== undefined));
  return element;
}

/** An element of SVG, by the same rules. */
export function svg(tag: string, properties: Record<string, string | number>, ...children: Node[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Text fit for a line: control characters out, cut at `most` characters and never through one. */
export function brief(text: string, most = 60): string {
  const characters = [...text.replace(/\s+/g, " ").trim()];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
}

let names = 0;

/** An id for `for` and `aria-labelledby`, unique within the page. */
export function unique(stem: string): string {
  return `live-${stem}-${++names}`;
}
