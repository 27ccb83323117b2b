/** @file The state of an open editor: edits with undo, the current frame, the selection, and what can be done. */

import * as changes from "./changes.js";
import { parseEdits, pointsOf, writeEdits } from "./edits.js";
import { applyRanges, hiddenAt, isSeen, poseAt, STRIDE } from "./evaluate.js";
import { middleOf } from "./kinematics.js";
import { othersIn } from "./people.js";
import { BODY, INDEX, NAMES, PARENT, standingPose } from "./skeleton.js";

/** @typedef {import("./edits.js").Edits} Edits */

export const DEFAULT_FALLOFF = 4, WHOLE_VIDEO = 1_000_000;
const MOST_STEPS = 200; // of undo

export class Model {
  frame = 0;
  tool = "move";
  /** @type {?string} name of a joint or group */
  selected = null;
  /** @type {?{from: number, to: number}} */
  range = null;
  #newFalloff = DEFAULT_FALLOFF;
  #undone = [];
  #done = [];
  /** @type {?Edits} edits before the running drag */
  #before = null;
  #base = null;

  /**
   * @param {import("./source.js").Source} source
   * @param {string} text of the widget
   * @param {{refresh: () => void, save: (text: string) => void}} listener
   * @throws {import("./edits.js").UnreadableEdits}
   */
  constructor(source, text, listener) {
    this.source = source;
    this.edits = parseEdits(text);
    this.listener = listener;
  }

  /** Poses before key poses; computed again when ranges change. @returns {Float64Array} */
  get base() {
    const { show, swap, ignore, fill } = this.edits, points = this.source.pointsFor(this.edits);
    const parts = [points, show, swap, ignore, fill];
    if (!this.#base || parts.some((part, at) => part !== this.#base.parts[at])) {
      this.#base = { parts, values: applyRanges(points, this.edits) };
    }
    return this.#base.values;
  }

  /** The number of the person who is edited; null if it is another one in each frame. @returns {?number} */
  get person() {
    return this.edits.person ?? this.source.person;
  }

  /** The poses of the other people in the current frame. @returns {{person: number, pose: Float64Array}[]} */
  get others() {
    return othersIn(this.source, this.edits, this.person, this.frame);
  }

  /** Edit another person. @param {number} person */
  choosePerson(person) {
    this.change(changes.choosePerson(this.edits, this.person, person));
  }

  /** The current frame, hidden points included. @returns {Float64Array} (130, 3) */
  get pose() {
    return poseAt(this.base, this.edits, this.frame);
  }

  get hidden() {
    return hiddenAt(this.edits, this.frame);
  }

  get figure() {
    return { pose: this.pose, size: this.source.size };
  }

  get falloff() {
    return changes.keyAt(this.edits, this.frame)?.falloff ?? this.#newFalloff;
  }

  set falloff(value) {
    this.#newFalloff = value;
    this.change(changes.setFalloff(this.edits, { frame: this.frame, falloff: value }));
  }

  get when() {
    return { frame: this.frame, falloff: this.source.frames === 1 ? 0 : this.falloff };
  }

  /** The selected range, or the current frame. @returns {{from: number, to: number}} */
  get span() {
    return this.range ?? { from: this.frame, to: this.frame };
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Whether a joint or group is "visible", "hidden" or "missing" in the current frame. @param {string} name */
  stateOf(name, pose = this.pose, hidden = this.hidden) {
    const points = pointsOf([name]).filter((point) => isSeen(pose, point * 3));
    if (!points.length) return "missing";
    return points.every((point) => hidden.has(point)) ? "hidden" : "visible";
  }

  goTo(frame) {
    this.frame = Math.min(this.source.frames - 1, Math.max(0, Math.round(frame)));
    this.listener.refresh();
  }

  select(name) {
    this.selected = name;
    this.listener.refresh();
  }

  setRange(range) {
    this.range = range;
    this.listener.refresh();
  }

  setTool(tool) {
    this.tool = tool;
    this.listener.refresh();
  }

  /** Make a change that can be undone. @param {Edits} edits */
  change(edits) {
    const before = this.#before ?? this.edits;
    this.#before = null;
    this.edits = { ...edits, frames: this.source.frames };
    const text = writeEdits(this.edits);
    if (text !== writeEdits(before)) {
      this.#done = [...this.#done, before].slice(-MOST_STEPS);
      this.#undone = [];
      this.listener.save(text);
    }
    this.listener.refresh();
  }

  /** Show edits while a drag goes on; `change` ends it. @param {Edits} edits */
  preview(edits) {
    this.#before ??= this.edits;
    this.edits = edits;
    this.listener.refresh();
  }

  /** Give up a drag. */
  cancel() {
    if (this.#before) this.edits = this.#before;
    this.#before = null;
    this.listener.refresh();
  }

  undo() {
    this.#step(this.#done, this.#undone);
  }

  redo() {
    this.#step(this.#undone, this.#done);
  }

  #step(from, to) {
    this.cancel();
    if (!from.length) return;
    to.push(this.edits);
    this.edits = from.pop();
    this.listener.save(writeEdits(this.edits));
    this.listener.refresh();
  }

  /** Bring points to places in the current frame. @param {Map<number, [number, number]>} targets */
  move(targets) {
    this.change(changes.movePoints(this.edits, this.when, targets, this.base));
  }

  /** Hide the selected joint or group in the range, or show it again. @param {?string} name */
  toggleHidden(name = this.selected) {
    if (name === null) return;
    const state = this.stateOf(name), range = { ...this.span, joints: [name] };
    if (state === "visible") this.change(changes.hide(this.edits, range));
    else if (state === "hidden") this.change(changes.unhide(this.edits, range));
    else if (pointsOf([name]).some((point) => this.base[this.frame * STRIDE + point * 3 + 2] > 0)) {
      this.change(changes.showFaint(this.edits, range));
    } else if (Object.hasOwn(INDEX, name)) this.#placeJoint(INDEX[name]);
  }

  /** @param {string[]} joints */
  swap(joints) {
    this.change(changes.swap(this.edits, { ...this.span, joints }));
  }

  fill() {
    const joints = [this.selected ?? "all"];
    this.change(changes.fillGap(this.edits, { ...this.span, joints, replace: true }));
  }

  mirror() {
    const [x] = middleOf(this.figure);
    if (Number.isFinite(x)) this.move(changes.mirrored(this.pose, x / this.source.size[0]));
  }

  /** Place a standing figure in the range, or in the whole video. */
  placeSkeleton() {
    const span = this.range ?? { from: 0, to: this.source.frames - 1 };
    const pose = standingPose(this.source.box, this.source.size);
    const when = { frame: this.frame, falloff: this.source.frames === 1 ? 0 : WHOLE_VIDEO };
    this.change(changes.placeSkeleton(this.edits, when, pose, { ...span, joints: ["all"] }));
  }

  resetFrames() {
    this.change(changes.resetRange(this.edits, this.span));
  }

  resetAll() {
    this.change(changes.resetAll(this.edits));
  }

  /** Place a joint where a standing figure of the same height has it, seen from the nearest visible joint. */
  #placeJoint(point) {
    const pose = this.pose, standing = standingPose(this.#box(pose), this.source.size);
    let from = PARENT[point];
    while (from >= 0 && !isSeen(pose, from * 3)) from = PARENT[from];
    const [x, y] = standing.get(point) ?? standing.get(INDEX.neck), [fromX, fromY] = standing.get(from) ?? [0, 0];
    const target = from < 0 ? [x, y] : [pose[from * 3] + x - fromX, pose[from * 3 + 1] + y - fromY];
    this.selected = NAMES[point];
    this.move(new Map([[point, target]]));
  }

  #box(pose) {
    const seen = BODY.flatMap((_, point) => (isSeen(pose, point * 3) ? [point] : []));
    const tops = seen.map((point) => pose[point * 3 + 1]), lefts = seen.map((point) => pose[point * 3]);
    const tall = Math.max(...tops) - Math.min(...tops);
    if (!(tall > 0.05)) return this.source.box;
    return [Math.min(...lefts), Math.min(...tops), Math.max(...lefts), Math.max(...tops)];
  }
}
