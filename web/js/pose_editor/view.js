/** @file Drawing of an image with a pose on a canvas, zoomed and moved. */

import { isSeen } from "./evaluate.js";
import { BODY, colorOf, FACE, FINGERS, LEFT_HAND, LIMBS, POINTS } from "./skeleton.js";

const MIN_SCALE = 0.05, MAX_SCALE = 40, MARGIN = 24;
const LIMB_WIDTH = 5, JOINT_RADIUS = 5, HAND_RADIUS = 2.5, FACE_RADIUS = 1.2; // pixels of the screen
const PALE = 0.65; // opacity of people who are not edited
const DIMMED = 0.6; // brightness of limbs, and of the image behind

export class View {
  scale = 1;
  offset = [0, 0];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  /** Width and height in CSS pixels. */
  get extent() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  /** Fit an image of a size into the canvas. @param {[number, number]} size in pixels */
  fit(size, margin = MARGIN) {
    const [width, height] = this.extent.map((side) => Math.max(1, side - 2 * margin));
    this.scale = Math.min(width / size[0], height / size[1]);
    this.offset = this.extent.map((side, axis) => (side - size[axis] * this.scale) / 2);
  }

  /** @param {number[]} place in pixels of the image @returns {number[]} in CSS pixels of the canvas */
  toScreen(place) {
    return place.map((value, axis) => value * this.scale + this.offset[axis]);
  }

  toImage(place) {
    return place.map((value, axis) => (value - this.offset[axis]) / this.scale);
  }

  /** Zoom by a factor about a place of the canvas. */
  zoom(place, factor) {
    const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, this.scale * factor)), by = scale / this.scale;
    this.offset = this.offset.map((value, axis) => place[axis] - (place[axis] - value) * by);
    this.scale = scale;
  }

  pan(by) {
    this.offset = this.offset.map((value, axis) => value + by[axis]);
  }

  /**
   * Draw everything.
   * @param {{image: ?HTMLImageElement, size: [number, number], pose: Float64Array, hidden: Set<number>,
   *   selected?: number[], others?: Float64Array[], joint?: number}} scene others: poses of other people; joint: radius
   *   of a joint in CSS pixels
   */
  draw({ image, size, pose, hidden, selected = [], others = [], joint = JOINT_RADIUS }) {
    const { context } = this, [width, height] = this.extent, sharpness = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * sharpness);
    this.canvas.height = Math.round(height * sharpness);
    context.scale(sharpness, sharpness);
    this.#drawImage(image, size);
    others.forEach((other) => this.#drawOther(other, size));
    const at = (point) => this.#screen(pose, point, size);
    const isShown = (point) => isSeen(pose, point * 3) && !hidden.has(point);
    this.#drawBones(at, isShown, joint);
    for (let point = POINTS - 1; point >= 0; point--) {
      if (isShown(point)) this.#drawPoint(at(point), radius(point, joint), colorOf(point));
      else if (isSeen(pose, point * 3)) this.#drawHidden(at(point), radius(point, joint));
    }
    selected.filter((point) => isSeen(pose, point * 3)).forEach((point) => this.#ring(at(point), radius(point, joint)));
  }

  #drawImage(image, size) {
    const [left, top] = this.toScreen([0, 0]), [right, bottom] = this.toScreen(size);
    this.context.fillStyle = "#000";
    this.context.fillRect(left, top, right - left, bottom - top);
    if (!image) return;
    this.context.globalAlpha = DIMMED;
    this.context.drawImage(image, left, top, right - left, bottom - top);
    this.context.globalAlpha = 1;
  }

  #screen(pose, point, size) {
    return this.toScreen([pose[point * 3] * size[0], pose[point * 3 + 1] * size[1]]);
  }

  /** Draw another person, pale. */
  #drawOther(pose, size) {
    this.context.globalAlpha = PALE;
    this.#drawBones((point) => this.#screen(pose, point, size), (point) => isSeen(pose, point * 3), JOINT_RADIUS);
    this.context.globalAlpha = 1;
  }

  #drawBones(at, isShown, joint) {
    const { context } = this;
    context.lineCap = "round";
    const bones = [...LIMBS.map((bone, index) => [bone, colorOf(index, DIMMED), (LIMB_WIDTH * joint) / JOINT_RADIUS]),
      ...FINGERS.map((bone) => [bone, "#ccc", 1])];
    for (const [[start, end], color, width] of bones) {
      if (!isShown(start) || !isShown(end)) continue;
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...at(start));
      context.lineTo(...at(end));
      context.stroke();
    }
  }

  #drawPoint(place, size, color) {
    this.#circle(place, size);
    this.context.fillStyle = color;
    this.context.fill();
    this.context.strokeStyle = "#000";
    this.context.lineWidth = 1;
    if (size > HAND_RADIUS) this.context.stroke();
  }

  #drawHidden(place, size) {
    this.#circle(place, size);
    this.context.setLineDash([2, 2]);
    this.context.strokeStyle = "#bbb";
    this.context.lineWidth = 1;
    this.context.stroke();
    this.context.setLineDash([]);
  }

  #ring(place, size) {
    for (const [color, width] of [["#000", 4], ["#fff", 2]]) {
      this.#circle(place, size + 4);
      this.context.strokeStyle = color;
      this.context.lineWidth = width;
      this.context.stroke();
    }
  }

  #circle(place, size) {
    this.context.beginPath();
    this.context.arc(...place, size, 0, 2 * Math.PI);
  }
}

function radius(point, joint) {
  if (point < BODY.length) return joint;
  return ((point < FACE ? HAND_RADIUS : FACE_RADIUS) * joint) / JOINT_RADIUS;
}

/** Points that can be grabbed, those of the body first. */
export const GRABBED = Array.from({ length: FACE }, (_, point) => point);
/** How near a pointer must be to grab a point, in CSS pixels. */
export const grabRadius = (point, isTouch) => (point < LEFT_HAND ? 12 : 5) * (isTouch ? 1.8 : 1);
