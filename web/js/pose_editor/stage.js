/** @file The canvas of the editor: drags of joints, zoom and pan, with mouse, pen or fingers. */

import { movePoints } from "./changes.js";
import { pointsOf } from "./edits.js";
import { isSeen } from "./evaluate.js";
import * as kinematics from "./kinematics.js";
import { personAt } from "./people.js";
import { NAMES } from "./skeleton.js";
import { GRABBED, grabRadius, View } from "./view.js";

const WHEEL_ZOOM = 0.0015; // by pixel of the wheel
const CLICK = 3; // CSS pixels that a click may move
const PERSON_RADIUS = 10; // CSS pixels around the bones of another person
const TOOLS = {
  move: (figure, point, _, target) => kinematics.moveJoint(figure, point, target),
  turn: (figure, point, _, target) => kinematics.turnLimb(figure, point, target),
  reach: (figure, point, _, target) => kinematics.reach(figure, point, target),
  scale: (figure, point, _, target) => kinematics.scaleLimb(figure, point, target),
  whole: (figure, _, start, target) => kinematics.moveAll(figure, target.map((value, axis) => value - start[axis])),
  scaleAll: (figure, _, start, target) => kinematics.scaleAll(figure, start, target),
  turnAll: (figure, _, start, target) => kinematics.turnAll(figure, start, target),
};
const WITH_SHIFT = { move: "reach", whole: "scaleAll" }, WITH_ALT = { move: "turn", whole: "turnAll" };

export class Stage {
  /** @type {Map<number, number[]>} places of pressed pointers */
  #pressed = new Map();
  /** @type {?{kind: "joint" | "pan", start: number[], last: number[], moved: boolean, isPan: boolean, tool?: string,
   *   point?: number, figure?: object, edits?: object, grip?: number[]}} */
  #drag = null;
  #isFitted = false;

  /** @param {HTMLCanvasElement} canvas @param {import("./model.js").Model} model */
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
    this.view = new View(canvas);
    for (const [name, handle] of [["pointerdown", this.#press], ["pointermove", this.#move],
      ["pointerup", this.#release], ["pointercancel", this.#abort], ["wheel", this.#wheel]]) {
      canvas.addEventListener(name, handle.bind(this), { passive: false });
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  fit() {
    this.view.fit(this.model.source.size);
    this.draw();
  }

  draw() {
    const { model } = this, { source } = model;
    if (!this.canvas.clientWidth) return;
    if (!this.#isFitted) {
      this.#isFitted = true;
      this.view.fit(source.size);
    }
    const image = source.image(model.frame, () => this.draw());
    const selected = model.selected === null ? [] : pointsOf([model.selected]);
    const others = model.others.map(({ pose }) => pose);
    this.view.draw({ image, size: source.size, pose: model.pose, hidden: model.hidden, selected, others });
  }

  /** Where a joint is in the page, in CSS pixels. @param {string} name @param {Float64Array} [pose] */
  placeOf(name, pose = this.model.pose) {
    const { left, top } = this.canvas.getBoundingClientRect(), [point] = pointsOf([name]);
    const [x, y] = this.#screen(pose, point);
    return [left + x, top + y];
  }

  #screen(pose, point) {
    const [width, height] = this.model.source.size;
    return this.view.toScreen([pose[point * 3] * width, pose[point * 3 + 1] * height]);
  }

  #place(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  /** The point under a pointer: the nearest joint of the body, else the nearest one of the hands. */
  #hit(place, isTouch) {
    const { pose, hidden } = this.model;
    const near = GRABBED.filter((point) => isSeen(pose, point * 3)).map((point) => {
      const [x, y] = this.#screen(pose, point), distance = Math.hypot(x - place[0], y - place[1]);
      const rank = distance / grabRadius(point, isTouch);
      return { point, rank: rank + (hidden.has(point) ? 0.5 : 0), isNear: rank <= 1 };
    });
    return near.filter(({ isNear }) => isNear).sort((one, other) => one.rank - other.rank)[0]?.point ?? null;
  }

  /** The number of another person under a pointer. */
  #hitPerson(place) {
    return personAt(this.model.others, (pose, point) => this.#screen(pose, point), place, PERSON_RADIUS);
  }

  #press(event) {
    event.preventDefault();
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.#place(event);
    this.#pressed.set(event.pointerId, place);
    if (this.#pressed.size > 1) return this.#giveUp();
    const isPan = event.button === 1 || event.button === 2;
    const point = isPan ? null : this.#hit(place, event.pointerType === "touch");
    const isWhole = !isPan && this.model.tool === "whole" && GRABBED.some((each) => isSeen(this.model.pose, each * 3));
    this.#drag = { kind: "pan", start: place, last: place, moved: false, isPan };
    if (point === null && !isWhole) return;
    const { tool } = this.model, { figure, edits } = this.model;
    const chosen = (event.shiftKey && WITH_SHIFT[tool]) || (event.altKey && WITH_ALT[tool]) || tool;
    const grip = point === null ? [0, 0] : this.#screen(figure.pose, point).map((value, axis) => value - place[axis]);
    Object.assign(this.#drag, { kind: "joint", tool: chosen, point, figure, edits, grip });
    if (point !== null) this.model.select(NAMES[point]);
  }

  #move(event) {
    if (!this.#pressed.has(event.pointerId)) return this.#hover(event);
    const place = this.#place(event), before = this.#pressed.get(event.pointerId);
    if (this.#pressed.size === 2) this.#pinch(event.pointerId, before, place);
    this.#pressed.set(event.pointerId, place);
    if (!this.#drag) return;
    const { start, last } = this.#drag;
    this.#drag.moved ||= Math.hypot(place[0] - start[0], place[1] - start[1]) > CLICK;
    if (!this.#drag.moved) return;
    if (this.#drag.kind === "joint") this.model.preview(this.#dragged(place));
    else this.view.pan(place.map((value, axis) => value - last[axis]));
    this.#drag.last = place;
    this.draw();
  }

  #hover(event) {
    const place = this.#place(event), isPerson = () => this.#hitPerson(place) !== null;
    this.canvas.style.cursor = this.#hit(place, false) !== null ? "grab" : isPerson() ? "pointer" : "default";
  }

  /** The edits of a drag, from those at its start. */
  #dragged(place) {
    const { tool, point, figure, edits, grip, start } = this.#drag;
    const [from, to] = [start, place].map((each) => this.view.toImage(each.map((value, axis) => value + grip[axis])));
    const moves = TOOLS[tool](figure, point, from, to);
    return movePoints(edits, this.model.when, moves, this.model.base);
  }

  #release(event) {
    this.#pressed.delete(event.pointerId);
    const drag = this.#drag;
    this.#drag = null;
    if (!drag) return;
    if (drag.moved) return drag.kind === "joint" ? this.model.change(this.model.edits) : undefined;
    if (drag.isPan || drag.kind === "joint" && drag.point !== null) return;
    const person = this.#hitPerson(drag.start);
    if (person !== null) this.model.choosePerson(person);
    else this.model.select(null);
  }

  #abort(event) {
    this.#pressed.delete(event.pointerId);
    this.#giveUp();
  }

  #giveUp() {
    if (this.#drag?.kind === "joint") this.model.cancel();
    this.#drag = null;
  }

  /** Zoom and pan with two fingers. */
  #pinch(id, before, place) {
    const [, other] = [...this.#pressed].find(([each]) => each !== id);
    const distance = (from) => Math.max(1, Math.hypot(from[0] - other[0], from[1] - other[1]));
    this.view.pan(place.map((value, axis) => (value - before[axis]) / 2));
    this.view.zoom(place.map((value, axis) => (value + other[axis]) / 2), distance(place) / distance(before));
    this.draw();
  }

  #wheel(event) {
    event.preventDefault();
    this.view.zoom(this.#place(event), Math.exp(-event.deltaY * WHEEL_ZOOM));
    this.draw();
  }
}
