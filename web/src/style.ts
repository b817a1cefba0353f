/** One sheet for every demo, in the book's colours, which reach through a shadow root as variables. */
const text = `
:host { display: block; margin: 1.4rem 0; }
:host([hidden]) { display: none; }
section { border: 1px solid var(--rule, #ccc); border-left: 4px solid var(--ember, #b8430f); border-radius: .4rem;
  padding: .8rem .9rem; font-size: .74rem; line-height: 1.5; color: var(--md-default-fg-color);
  background: var(--md-default-bg-color); overflow-wrap: anywhere; container-type: inline-size; }
::slotted(*) { margin-top: 0 !important; margin-bottom: .7rem !important; }
p { margin: .35rem 0; }
.title { margin-top: 0; font-family: var(--serif, serif); font-size: .98rem; font-weight: 600; }
.quiet, figcaption { color: var(--md-default-fg-color--light); font-size: .66rem; margin: .3rem 0; }
.row { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin: .45rem 0; }
.grow { flex: 1 1 12rem; min-width: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); gap: .9rem; margin: .6rem 0; }
button, .file { font: inherit; font-weight: 600; min-height: 2.2rem; padding: .3rem .8rem; border-radius: .3rem; cursor: pointer;
  border: 1px solid currentColor; background: none; color: var(--md-typeset-a-color); }
button.main { background: var(--ember, #b8430f); border-color: var(--ember, #b8430f); color: var(--md-default-bg-color); }
button.small { min-height: 1.5rem; padding: .1rem .5rem; font-weight: 400; text-align: start; }
button[aria-pressed=true] { background: var(--steel-soft, #e9f1f7); }
button:disabled { opacity: .5; cursor: default; }
button:hover:enabled { filter: brightness(1.08); }
:focus-visible { outline: 2px solid var(--steel, #23597f); outline-offset: 2px; }
label, legend { font-weight: 600; }
fieldset { border: 1px solid var(--rule, #ccc); border-radius: .3rem; margin: .5rem 0; padding: .4rem .7rem .6rem; min-width: 0; }
textarea, input[type=text], input:not([type]), select { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem .5rem;
  color: inherit; background: var(--md-code-bg-color); border: 1px solid var(--md-default-fg-color--light); border-radius: .3rem; }
input.short, select.short { width: auto; max-width: 8rem; font: inherit; padding: .3rem .4rem; color: inherit; background: var(--md-code-bg-color);
  border: 1px solid var(--md-default-fg-color--light); border-radius: .3rem; min-height: 2.2rem; }
textarea { resize: vertical; min-height: 3.4rem; }
input[type=range] { width: 100%; min-height: 1.6rem; accent-color: var(--ember, #b8430f); }
progress { width: 100%; height: .7rem; accent-color: var(--ember, #b8430f); }
meter, .bar { display: block; height: .7rem; background: var(--md-code-bg-color); border-radius: .2rem; overflow: hidden; }
.bar > span { display: block; height: 100%; background: var(--steel, #23597f); transform-origin: left; transition: transform .15s; }
.bar > span.first { background: var(--ember, #b8430f); }
[dir=rtl] .bar > span { transform-origin: right; }
.bars { display: grid; grid-template-columns: minmax(3rem, max-content) minmax(3rem, 1fr) max-content; gap: .25rem .6rem; align-items: center; margin: .5rem 0; }
.bars > * { min-width: 0; max-width: 12rem; }
.bars > .bar { max-width: none; }
.number, td.number, th.number { font-variant-numeric: tabular-nums; text-align: end; white-space: nowrap; }
.pieces { display: flex; flex-wrap: wrap; gap: .2rem; max-height: 6rem; overflow: auto; padding: 0; margin: .3rem 0; list-style: none; }
.pieces li { background: var(--md-code-bg-color); border-radius: .2rem; padding: 0 .3rem; font-family: var(--md-code-font-family, monospace); font-size: .66rem; }
.written { white-space: pre-wrap; background: var(--md-code-bg-color); padding: .4rem .6rem; border-radius: .3rem; max-height: 14rem; overflow: auto; }
mark { color: inherit; background: var(--steel-soft, #e9f1f7); border-radius: .15rem; }
.wrong { color: var(--ember, #b8430f); font-weight: 600; }
table { border-collapse: collapse; font-size: .7rem; }
th { overflow-wrap: normal; }
th, td { text-align: start; padding: .2rem 1.2rem .2rem 0; border-bottom: 1px solid var(--rule, #ccc); vertical-align: top; }
@media (max-width: 24rem) { th, td { padding-inline-end: .4rem; } }
pre { overflow-x: auto; background: var(--md-code-bg-color); padding: .5rem .7rem; border-radius: .3rem; font-size: .66rem; line-height: 1.45; max-height: 16rem; }
pre code { font-family: var(--md-code-font-family, monospace); }
ul.list { list-style: none; padding: 0; margin: .3rem 0; max-height: 12rem; overflow: auto; }
ul.list li { display: flex; gap: .4rem; align-items: start; justify-content: space-between; padding: .15rem 0; border-bottom: 1px solid var(--rule, #ccc); }
tr[aria-current=true] { background: var(--ember-soft, #fbeee6); }
canvas, svg.plot { display: block; max-width: 100%; }
svg.plot { height: auto; }
canvas.pixels { image-rendering: pixelated; border: 1px solid var(--rule, #ccc); border-radius: .2rem; }
canvas.scene { width: 14rem; touch-action: none; cursor: grab; border: 1px solid var(--rule, #ccc); border-radius: .2rem; }
.sound canvas { height: 8rem; }
.strip canvas { width: 100%; }
canvas.pad { touch-action: none; cursor: crosshair; }
figure { margin: 0; min-width: 0; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media print { section { display: none; } }
`;

let made: CSSStyleSheet | undefined;

export function sheet(): CSSStyleSheet {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(text);
  }
  return made;
}
