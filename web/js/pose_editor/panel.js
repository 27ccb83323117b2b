/** @file The list of joints, each with a button that hides, shows or places it. */

import { button, element } from "./dom.js";
import { BODY, colorOf, INDEX } from "./skeleton.js";
import { jointName } from "./texts.js";

const LISTED = [...BODY, "left_hand", "right_hand", "face"];
const SIGNS = { visible: "●", hidden: "○", missing: "–" };

export class Panel {
  #rows = new Map();

  /** @param {import("./model.js").Model} model @param {import("./texts.js").Texts} texts */
  constructor(model, texts) {
    this.model = model;
    this.texts = texts;
    this.root = element("aside", {}, element("h3", {}, texts.joints), ...LISTED.map((name) => this.#row(name)));
  }

  #row(name) {
    const dot = element("i", {});
    dot.style.background = name in INDEX ? colorOf(INDEX[name]) : "transparent";
    const choose = element("button", { type: "button", class: "name", onclick: () => this.model.select(name) },
      dot, jointName(this.texts, name));
    const toggle = button(SIGNS.visible, "", () => this.model.toggleHidden(name), `toggle-${name}`);
    const row = element("div", { class: "row" }, choose, toggle);
    this.#rows.set(name, { row, toggle });
    return row;
  }

  refresh() {
    const { model, texts } = this, { pose, hidden } = model;
    for (const [name, { row, toggle }] of this.#rows) {
      const state = model.stateOf(name, pose, hidden), canPlace = state === "missing" && name in INDEX;
      toggle.textContent = canPlace ? "+" : SIGNS[state];
      toggle.title = canPlace ? texts.placeJoint
        : { visible: texts.hide, hidden: texts.show, missing: texts.missing }[state];
      toggle.setAttribute("aria-label", `${toggle.title}: ${jointName(texts, name)}`);
      toggle.disabled = state === "missing" && !canPlace;
      row.dataset.state = state;
      row.classList.toggle("selected", model.selected === name);
    }
  }
}
