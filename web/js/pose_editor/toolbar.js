/** @file The bars above and below the image: tools, actions, and the controls of the timeline. */

import { button, element, numberField } from "./dom.js";
import { jointName } from "./texts.js";
import { WHOLE_VIDEO } from "./model.js";

export const TOOLS = ["move", "turn", "reach", "scale", "whole"];
const SWAPPED = { swapAll: ["body", "left_hand", "right_hand"], swapArms: ["arms"], swapLegs: ["legs"] };

export class Toolbar {
  /**
   * @param {import("./model.js").Model} model
   * @param {import("./texts.js").Texts} texts
   * @param {{fit: () => void, run: () => void, close: () => void, play: () => void}} actions
   */
  constructor(model, texts, actions) {
    Object.assign(this, { model, texts });
    this.tools = TOOLS.map((tool) => button(texts[tool], texts[`${tool}Hint`], () => model.setTool(tool), tool));
    this.undo = button(texts.undo, "Ctrl+Z", () => model.undo(), "undo");
    this.redo = button(texts.redo, "Ctrl+Y", () => model.redo(), "redo");
    this.hide = button(texts.hide, texts.hideHint, () => model.toggleHidden(), "hide");
    this.top = element("header", {},
      group(...this.tools), group(this.undo, this.redo),
      group(this.hide, button(texts.mirror, texts.mirrorHint, () => model.mirror(), "mirror"),
        button(texts.place, texts.placeHint, () => model.placeSkeleton(), "place")),
      group(button(texts.resetFrame, texts.resetFrameHint, () => model.resetFrames(), "reset-frame"),
        button(texts.resetAll, "", () => model.resetAll(), "reset-all")),
      group(button(texts.fit, texts.fitHint, actions.fit, "fit")),
      element("span", { class: "space" }),
      group(button(texts.run, texts.notRun, actions.run, "run"), button(texts.done, "Esc", actions.close, "done")));
    this.bottom = this.#timing(actions);
  }

  #timing({ play }) {
    const { model, texts } = this;
    this.count = element("output", { class: "frame" });
    this.falloff = numberField(texts.falloffHint, (value) => {
      model.falloff = value;
    }, { max: WHOLE_VIDEO, placeholder: texts.allFrames });
    this.falloff.dataset.action = "falloff";
    this.from = numberField(texts.from, (value) => this.#setRange(value, model.range?.to ?? value));
    this.to = numberField(texts.to, (value) => this.#setRange(model.range?.from ?? value, value));
    this.sides = element("select", { title: texts.swapHint },
      ...Object.keys(SWAPPED).map((kind) => element("option", { value: kind }, texts[kind])));
    this.timing = element("div", { class: "bar" },
      group(button("◀", texts.previous, () => model.goTo(model.frame - 1), "previous"),
        button("▶▶", texts.play, play, "play"), button("▶", texts.next, () => model.goTo(model.frame + 1), "next")),
      this.count,
      element("label", {}, texts.falloff, this.falloff),
      button(texts.allFrames, texts.falloffHint, () => {
        model.falloff = WHOLE_VIDEO;
      }, "all-frames"),
      element("label", {}, texts.from, this.from), element("label", {}, texts.to, this.to),
      button(texts.clear, "", () => model.setRange(null), "clear-range"),
      group(button(texts.swap, texts.swapHint, () => model.swap(SWAPPED[this.sides.value]), "swap"), this.sides),
      button(texts.fill, texts.fillHint, () => model.fill(), "fill"));
    return this.timing;
  }

  #setRange(one, other) {
    const last = this.model.source.frames - 1, [from, to] = [one, other].map((frame) => Math.min(last, frame));
    this.model.setRange({ from: Math.min(from, to), to: Math.max(from, to) });
  }

  refresh() {
    const { model, texts } = this;
    this.tools.forEach((each, at) => each.setAttribute("aria-pressed", String(model.tool === TOOLS[at])));
    this.undo.disabled = !model.canUndo;
    this.redo.disabled = !model.canRedo;
    this.hide.disabled = model.selected === null;
    const isHidden = model.selected !== null && model.stateOf(model.selected) === "hidden";
    this.hide.textContent = isHidden ? texts.show : texts.hide;
    this.count.textContent = `${texts.frame} ${model.frame} / ${model.source.frames - 1}`;
    const falloff = model.falloff < WHOLE_VIDEO ? model.falloff : "";
    for (const [field, value] of [[this.falloff, falloff], [this.from, model.range?.from ?? ""],
      [this.to, model.range?.to ?? ""]]) {
      if (document.activeElement !== field) field.value = String(value);
    }
    this.timing.hidden = model.source.frames < 2;
  }

  /** What is selected, for the line at the bottom. */
  get status() {
    const { model, texts } = this;
    const hint = texts[`${model.tool}Hint`];
    if (model.selected === null) return hint;
    const state = { visible: texts.shownState, hidden: texts.hiddenState, missing: texts.missing };
    return `${jointName(texts, model.selected)}: ${state[model.stateOf(model.selected)]} · ${hint}`;
  }
}

const group = (...members) => element("span", { class: "group" }, ...members);
