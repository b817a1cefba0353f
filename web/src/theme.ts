/** What the theme leaves out for those who use no mouse, or no screen; it draws these parts by script. */
function complete(): void {
  // One such landmark for each piece of code would drown the page's own.
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "presentation");
  for (const wrap of document.querySelectorAll<HTMLElement>(".md-typeset__scrollwrap:not([tabindex])")) {
    if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0;
  }
}

let waiting = false;

/** Follow the page as it changes, by instant navigation too. */
export function completeTheme(): void {
  complete();
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      complete();
    });
  }).observe(document.body, { childList: true, subtree: true });
}
