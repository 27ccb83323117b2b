/** @file The look of the editor, in the colours of ComfyUI's theme. */

const CSS = `
.animatex-pose-editor, .animatex-pose-preview {
  --back: var(--comfy-menu-bg, #353535); --field: var(--comfy-input-bg, #222); --text: var(--input-text, #ddd);
  --line: var(--border-color, #4e4e4e); --faint: var(--descrip-text, #999); --strong: #f80;
  color: var(--text); font: 13px/1.4 sans-serif; box-sizing: border-box;
}
.animatex-pose-editor { position: fixed; inset: 0; z-index: 1050; display: flex; flex-direction: column;
  background: var(--back); outline: none; user-select: none; }
.animatex-pose-editor * { box-sizing: border-box; }
.animatex-pose-editor [hidden] { display: none !important; }
.animatex-pose-editor header, .animatex-pose-editor .bar { display: flex; flex-wrap: wrap; gap: 6px 12px;
  align-items: center; padding: 6px 10px; }
.animatex-pose-editor .group { display: inline-flex; }
.animatex-pose-editor .space { flex: 1; }
.animatex-pose-editor button, .animatex-pose-editor input, .animatex-pose-editor select,
.animatex-pose-preview button { font: inherit; color: var(--text); background: var(--field);
  border: 1px solid var(--line); padding: 4px 9px; border-radius: 4px; cursor: pointer; min-height: 28px; }
.animatex-pose-editor .group > *:not(:first-child) { border-top-left-radius: 0; border-bottom-left-radius: 0;
  border-left-width: 0; }
.animatex-pose-editor .group > *:not(:last-child) { border-top-right-radius: 0; border-bottom-right-radius: 0; }
.animatex-pose-editor button:hover:not(:disabled), .animatex-pose-preview button:hover { border-color: var(--strong); }
.animatex-pose-editor button:disabled { opacity: 0.4; cursor: default; }
.animatex-pose-editor button:focus-visible { outline: 2px solid var(--strong); outline-offset: -2px; }
.animatex-pose-editor button[aria-pressed="true"] { background: var(--strong); color: #000; }
.animatex-pose-editor label { display: inline-flex; gap: 5px; align-items: center; }
.animatex-pose-editor input { width: 84px; cursor: text; }
.animatex-pose-editor .frame { min-width: 110px; font-variant-numeric: tabular-nums; }
.animatex-pose-editor main { flex: 1; display: flex; min-height: 0; border: solid var(--line); border-width: 1px 0; }
.animatex-pose-editor .stage { flex: 1; min-width: 0; width: 0; height: 100%; touch-action: none;
  background: var(--bg-color, #202020); }
.animatex-pose-editor aside { width: 190px; overflow-y: auto; padding: 6px; border-left: 1px solid var(--line); }
.animatex-pose-editor aside h3 { margin: 2px 4px 6px; font-size: 13px; }
.animatex-pose-editor .row { display: flex; gap: 3px; }
.animatex-pose-editor .row button { border-color: transparent; background: none; min-height: 24px; padding: 2px 6px; }
.animatex-pose-editor .row .name { flex: 1; text-align: left; }
.animatex-pose-editor .row.selected { background: var(--field); outline: 1px solid var(--strong); border-radius: 4px; }
.animatex-pose-editor .row[data-state="missing"] .name, .animatex-pose-editor .row[data-state="hidden"] .name {
  color: var(--faint); }
.animatex-pose-editor .row i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 7px; }
.animatex-pose-editor canvas { outline: none; }
.animatex-pose-editor .timeline { width: 100%; height: 58px; touch-action: none; display: block; }
.animatex-pose-editor footer { padding: 4px 12px 6px; color: var(--faint); min-height: 28px; }
.animatex-pose-editor .notice { position: absolute; left: 50%; top: 40%; transform: translate(-50%, -50%);
  max-width: 80%; padding: 16px 22px; background: var(--field); border: 1px solid var(--strong); border-radius: 6px;
  text-align: center; }
.animatex-pose-editor .notice button { margin: 10px 4px 0; }
@media (max-width: 760px) { .animatex-pose-editor aside { display: none; } }
@media (pointer: coarse) { .animatex-pose-editor button { min-height: 38px; } }
.animatex-pose-preview { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%; overflow: hidden; }
.animatex-pose-preview canvas { flex: 1; min-height: 0; width: 100%; background: var(--field); border-radius: 4px; }
.animatex-pose-preview span { font-size: 11px; text-align: center; }
`;
const ID = "animatex-pose-editor-style";

/** Add the style to the page, once. */
export function addStyle() {
  if (document.getElementById(ID)) return;
  document.head.append(Object.assign(document.createElement("style"), { id: ID, textContent: CSS }));
}
