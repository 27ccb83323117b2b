/** @file The editor on a node: a preview with a button, the widget that stores the edits, and what runs saved. */

import { button, element } from "./dom.js";
import { parseEdits, RANGES, UnreadableEdits } from "./edits.js";
import { applyRanges, hiddenAt, poseAt } from "./evaluate.js";
import { Overlay } from "./overlay.js";
import { loadSource } from "./source.js";
import { addStyle } from "./style.js";
import { View } from "./view.js";

export const OUTPUT = "animatex_pose_editor"; // of the node's messages to the page
const WIDGET = "edits", HEIGHT = 260, JOINT = 3, MARGIN = 4; // CSS pixels

export class NodeEditor {
  /** @type {?Overlay} */
  #overlay = null;
  /** @type {?import("./source.js").Source} */
  #source = null;
  #problem;
  #releaseUndo = () => {};

  /**
   * @param {any} node of LiteGraph
   * @param {import("./texts.js").Texts} texts
   * @param {{apiURL: (path: string) => string, run: () => void, changed: () => void, holdUndo: () => () => void,
   *   lastRun: () => any}} comfyui
   */
  constructor(node, texts, comfyui) {
    Object.assign(this, { node, texts, comfyui });
    this.#problem = texts.notRun;
    addStyle();
    this.canvas = element("canvas", {});
    this.caption = element("span", {});
    const open = button(texts.open, "", () => this.open(), "open");
    const root = element("div", { class: "animatex-pose-preview" }, this.canvas, this.caption, open);
    root.addEventListener("pointerdown", (event) => event.stopPropagation());
    const options = { serialize: false, hideOnZoom: false, getMinHeight: () => HEIGHT };
    node.addDOMWidget("pose_editor", "animatex_pose_editor", root, options).serialize = false;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    const { callback } = this.widget;
    this.widget.callback = (...values) => {
      callback?.apply(this.widget, values);
      this.draw();
    };
  }

  get widget() {
    return this.node.widgets.find((widget) => widget.name === WIDGET);
  }

  /** The edits as text. */
  get text() {
    return String(this.widget.value ?? "");
  }

  get #isLinked() {
    return this.node.inputs?.some((input) => input.widget?.name === WIDGET && input.link != null) ?? false;
  }

  /** Load what a run of the node saved. @param {any} output its message to the page */
  async loadRun(output) {
    const [info] = output?.[OUTPUT] ?? [];
    if (!info) return;
    try {
      this.#source = await loadSource(info, this.comfyui.apiURL);
    } catch {
      this.#source = null;
      this.#problem = this.texts.expired;
    }
    this.draw();
    this.#overlay?.show(this.#source, this.text, this.#problem);
  }

  async open() {
    if (this.#overlay) return;
    if (!this.#source) await this.loadRun(this.comfyui.lastRun());
    const isLinked = this.#isLinked;
    this.#releaseUndo = this.comfyui.holdUndo();
    this.#overlay = new Overlay({
      source: isLinked ? null : this.#source,
      text: this.text,
      problem: isLinked ? this.texts.linked : this.#problem,
      texts: this.texts,
      save: (text) => this.#save(text),
      run: this.comfyui.run,
      closed: () => this.#closed(),
    });
  }

  /** @param {string} message of a failed run */
  say(message) {
    this.#overlay?.say(message);
  }

  #save(text) {
    this.widget.value = text;
    this.widget.callback?.(text);
  }

  #closed() {
    this.#overlay = null;
    this.#releaseUndo();
    this.draw();
    this.comfyui.changed();
  }

  /** Draw the first edited frame, or the first one, on the node. */
  draw() {
    if (!this.canvas.clientWidth) return;
    this.caption.textContent = this.#describe();
    if (!this.#source) return;
    try {
      this.#drawPose(parseEdits(this.text));
    } catch (error) {
      if (!(error instanceof UnreadableEdits)) throw error;
    }
  }

  #drawPose(edits) {
    const source = this.#source, frame = Math.min(edits.keys[0]?.frame ?? 0, source.frames - 1);
    const pose = poseAt(applyRanges(source.pointsFor(edits), edits), edits, frame), view = new View(this.canvas);
    view.fit(source.size, MARGIN);
    const image = source.image(frame, () => this.draw());
    view.draw({ image, size: source.size, pose, hidden: hiddenAt(edits, frame), joint: JOINT });
  }

  #describe() {
    const { texts } = this;
    try {
      const edits = parseEdits(this.text), people = [edits, ...edits.others];
      const keys = people.flatMap((each) => each.keys).length;
      const ranges = people.flatMap((each) => RANGES.flatMap((kind) => each[kind])).length;
      const parts = [[keys, texts.keys], [ranges, texts.ranges]].filter(([count]) => count);
      const found = parts.map(([count, what]) => `${count} ${what}`).join(", ") || texts.nothing;
      return this.#source ? found : `${found}. ${this.#problem}`;
    } catch (error) {
      if (!(error instanceof UnreadableEdits)) throw error;
      return `${texts.unreadable}: ${error.message}`;
    }
  }
}
