/** @file The editor over the whole page: it joins the image, the bars, the timeline and the keyboard. */

import { button, element } from "./dom.js";
import { UnreadableEdits } from "./edits.js";
import { isSeen } from "./evaluate.js";
import { moveJoint } from "./kinematics.js";
import { Model } from "./model.js";
import { Panel } from "./panel.js";
import { INDEX } from "./skeleton.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Toolbar, TOOLS } from "./toolbar.js";

const PLAYED = 1000 / 12; // milliseconds of a frame
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEPT_FROM_COMFYUI = ["keydown", "keyup", "keypress", "copy", "cut", "paste"];

/**
 * @typedef {{source: ?import("./source.js").Source, text: string, problem: string,
 *   texts: import("./texts.js").Texts, save: (text: string) => void, run: () => void, closed: () => void}} Options
 * problem: why there is nothing to edit yet
 */

export class Overlay {
  #timer = 0;
  #keys = (event) => this.#onKey(event);

  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.root = element("div", { class: "animatex-pose-editor", tabIndex: -1 });
    this.root.setAttribute("role", "dialog");
    this.root.setAttribute("aria-modal", "true");
    this.root.setAttribute("aria-label", options.texts.title);
    this.root.poseEditor = this; // for scripts and tests
    for (const name of ["pointerdown", "mousedown", "wheel", "dblclick", "contextmenu", "drop"]) {
      this.root.addEventListener(name, (event) => event.stopPropagation());
    }
    this.root.addEventListener("click", (event) => event.detail && event.target.closest("button") && this.root.focus());
    this.root.addEventListener("focusout", ({ relatedTarget: next }) => {
      if (next && !this.root.contains(next)) this.root.focus();
    });
    KEPT_FROM_COMFYUI.forEach((name) => window.addEventListener(name, this.#keys, true));
    document.body.append(this.root);
    this.show(options.source, options.text, options.problem);
    this.root.focus();
  }

  /** Show other frames and poses, as after a run. */
  show(source, text, problem = "") {
    this.#stop();
    if (!source) return this.#notice(problem, [this.options.texts.run, this.options.run]);
    try {
      const before = this.model;
      this.model = new Model(source, text, { refresh: () => this.refresh(), save: this.options.save });
      if (before) Object.assign(this.model, { tool: before.tool, selected: before.selected });
      if (before) this.model.frame = Math.min(before.frame, source.frames - 1);
    } catch (error) {
      if (!(error instanceof UnreadableEdits)) throw error;
      const { texts, save } = this.options, startOver = () => {
        save("");
        this.show(source, "");
      };
      return this.#notice(`${texts.unreadable}: ${error.message}`, [texts.again, startOver]);
    }
    this.#build();
    this.refresh();
  }

  #notice(problem, [label, action]) {
    const { texts } = this.options;
    this.model = null;
    this.root.replaceChildren(element("div", { class: "notice" }, element("div", {}, problem),
      button(label, "", action, "act"), button(texts.done, "Esc", () => this.close(), "done")));
  }

  #build() {
    const { texts, run } = this.options, canvas = element("canvas", { class: "stage", tabIndex: 0 });
    const line = element("canvas", {
      class: "timeline", title: texts.timelineHint, tabIndex: 0, hidden: this.model.source.frames < 2,
    });
    const actions = { run, fit: () => this.stage.fit(), close: () => this.close(), play: () => this.#play() };
    this.stage = new Stage(canvas, this.model);
    this.timeline = new Timeline(line, this.model);
    this.panel = new Panel(this.model, texts);
    this.toolbar = new Toolbar(this.model, texts, actions);
    this.status = element("footer", {});
    this.root.replaceChildren(this.toolbar.top, element("main", {}, canvas, this.panel.root), this.toolbar.bottom,
      line, this.status);
  }

  refresh() {
    if (!this.status) return; // while it is being built
    this.stage.draw();
    if (this.model.source.frames > 1) this.timeline.draw();
    this.panel.refresh();
    this.toolbar.refresh();
    const { info } = this.model.source, isPartial = info.pictures.length > 1 && info.stride > 1;
    const { texts } = this.options, isOneOfMany = this.model.source.people.length > 1;
    const parts = [[isOneOfMany, `${texts.person} ${this.model.person ?? "–"}`], [true, this.toolbar.status],
      [isOneOfMany, texts.personHint], [isPartial, texts.partial]];
    this.status.textContent = parts.filter(([isShown]) => isShown).map(([, text]) => text).join(" · ");
  }

  /** Say what went wrong in a run, which ComfyUI may show behind the editor. @param {string} message */
  say(message) {
    if (this.status?.isConnected) this.status.textContent = message;
    else this.root.querySelector(".notice > div")?.replaceChildren(message);
  }

  close() {
    this.#stop();
    this.model?.cancel();
    KEPT_FROM_COMFYUI.forEach((name) => window.removeEventListener(name, this.#keys, true));
    this.root.remove();
    this.options.closed();
  }

  #play() {
    if (this.#timer) return this.#stop();
    const { model } = this;
    this.#timer = setInterval(() => model.goTo((model.frame + 1) % model.source.frames), PLAYED);
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  #onKey(event) {
    event.stopImmediatePropagation();
    if (event.type !== "keydown") return;
    if (event.key === "Escape") return this.close();
    const isField = ["INPUT", "SELECT"].includes(event.target.tagName);
    const isPress = event.target.tagName === "BUTTON" && [" ", "Enter"].includes(event.key);
    if (isField || isPress || !this.model || !this.#act(event)) return;
    event.preventDefault();
  }

  /** @returns {boolean} whether the key means something */
  #act(event) {
    const { model } = this, key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") event.shiftKey ? model.redo() : model.undo();
      else if (key === "y") model.redo();
      else return false;
    } else if (event.key in ARROWS) this.#arrow(ARROWS[event.key], event.shiftKey);
    else if (event.key === " ") this.#play();
    else if (event.key === "Home") model.goTo(0);
    else if (event.key === "End") model.goTo(model.source.frames - 1);
    else if (key === "h" || event.key === "Delete") model.toggleHidden();
    else if (key === "f") this.stage.fit();
    else if (TOOLS[Number(key) - 1]) model.setTool(TOOLS[Number(key) - 1]);
    else return false;
    return true;
  }

  /** Go to another frame or, with Shift, nudge the selected joint by a pixel. */
  #arrow([right, down], isNudge) {
    const { model } = this, point = INDEX[model.selected];
    if (!isNudge) return right ? model.goTo(model.frame + right) : undefined;
    if (point === undefined || !isSeen(model.pose, point * 3)) return;
    const { size } = model.source, [x, y] = [0, 1].map((axis) => model.pose[point * 3 + axis] * size[axis]);
    model.move(moveJoint(model.figure, point, [x + right, y + down]));
  }
}
