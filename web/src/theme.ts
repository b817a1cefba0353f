/** What pages need beside the demos: to copy a file, and what the theme leaves out for those without mouse or screen. */

function complete(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[hidden] > button.copy-file")) {
    (button.parentElement as HTMLElement).hidden = false;
    button.addEventListener("click", () => void copyFile(button, button.dataset.file as string));
  }
  // One such landmark for each piece of code would drown the page's own.
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "presentation");
  if (!begun) return;
  for (const each of document.querySelectorAll<HTMLElement>("[data-title]")) {
    each.title = each.dataset.title ?? "";
    delete each.dataset.title; // the theme takes a title away while it shows it, and gives it back
  }
  if (measuring) return;
  measuring = true;
  idle(measure);
}

/** Whether the reader has begun to use the page: before that nobody scrolls with arrow keys. */
let begun = false;
const BEGINNINGS = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "focusin"];

let measured = new WeakSet<HTMLElement>();
let measuring = false;
type Work = (deadline: { timeRemaining(): number }) => void;
const idle = (work: Work): unknown =>
  window.requestIdleCallback?.(work, { timeout: 50 }) ?? setTimeout(() => work({ timeRemaining: () => 10 }), 50);

/**
 * Let arrow keys scroll what is too wide for its place. To be measured it must be laid out, which the browser
 * puts off for what is not in view: so block by block, while nothing else is to be done.
 */
function measure(deadline: { timeRemaining(): number }): void {
  let some = false;
  for (const each of document.querySelectorAll<HTMLElement>(":is(.md-typeset__scrollwrap, pre > code):not([tabindex])")) {
    if (measured.has(each)) continue;
    // On a machine that is never idle, one at a time.
    if (some && deadline.timeRemaining() < 5) return void idle(measure);
    some = true;
    measured.add(each);
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
  }
  measuring = false;
}

/** The whole file to the clipboard; what went wrong stands on the button for a moment. */
async function copyFile(button: HTMLButtonElement, address: string): Promise<void> {
  const text = fetch(new URL(address, document.baseURI)).then((answer) => {
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.blob();
  });
  const said = await navigator.clipboard
    .write([new ClipboardItem({ "text/plain": text.then((blob) => new Blob([blob], { type: "text/plain" })) })])
    .then(() => "Copied", () => "Could not copy: download .py");
  const before = button.textContent;
  button.textContent = said;
  setTimeout(() => { button.textContent = before; }, 2000);
}

let waiting = false;

/** Follow the page as it changes, by instant navigation too. */
export function completeTheme(): void {
  const soon = (): void => {
    if (waiting) return;
    waiting = true;
    // Not with the next frame: a tab that nobody looks at, or a machine too busy to paint, has none.
    setTimeout(() => {
      waiting = false;
      complete();
    }, 16);
  };
  complete();
  const begin = (): void => {
    begun = true;
    for (const each of BEGINNINGS) removeEventListener(each, begin, true);
    soon();
  };
  for (const each of BEGINNINGS) addEventListener(each, begin, { capture: true, passive: true });
  new MutationObserver((changes) => {
    let some = false;
    for (const { type, target } of changes) {
      // Where nothing can hover, the theme's script takes the tabindex of code away, before or after us.
      const taken = type === "attributes" && measured.has(target as HTMLElement) && !(target as HTMLElement).hasAttribute("tabindex");
      if (taken) measured.delete(target as HTMLElement);
      some ||= taken || type === "childList";
    }
    if (some) soon();
  }).observe(document.body, { childList: true, subtree: true, attributeFilter: ["tabindex"] });
  const again = (): void => {
    measured = new WeakSet();
    soon();
  };
  addEventListener("toggle", again, true); // what unfolds has a width from then on
  addEventListener("resize", again);
}
