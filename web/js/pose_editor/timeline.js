/** @file The timeline: frames, key poses with their falloff, and ranges. */

import { keyAt, setFalloff } from "./changes.js";

const SIDE = 14, TOP = 8, ROW = 7, KEY = 6, HANDLE = 7, HANDLE_HEIGHT = 20; // CSS pixels
const LANES = [["ignore", "#8888"], ["swap", "#c7c"], ["fill", "#5b8"], ["hide", "#c66"], ["show", "#69c"]];
const LABELS = 12; // at most this many numbers below the line

export class Timeline {
  /** @type {?{kind: "seek" | "range" | "falloff", from: number}} */
  #drag = null;

  /** @param {HTMLCanvasElement} canvas @param {import("./model.js").Model} model */
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#drag && this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.#release());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  get #step() {
    return (this.canvas.clientWidth - 2 * SIDE) / Math.max(1, this.model.source.frames - 1);
  }

  #x(frame) {
    return SIDE + frame * this.#step;
  }

  /** Where a frame is in the page, in CSS pixels. @param {number} frame */
  placeOf(frame) {
    const { left, top, height } = this.canvas.getBoundingClientRect();
    return [left + this.#x(frame), top + height / 2];
  }

  #frame(event) {
    const at = (event.clientX - this.canvas.getBoundingClientRect().left - SIDE) / this.#step;
    return Math.min(this.model.source.frames - 1, Math.max(0, Math.round(at)));
  }

  #press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const frame = this.#frame(event);
    const kind = event.shiftKey ? "range" : this.#isOnHandle(event) ? "falloff" : "seek";
    this.#drag = { kind, from: frame };
    this.#move(event);
  }

  #isOnHandle(event) {
    const key = keyAt(this.model.edits, this.model.frame);
    if (!key || this.model.source.frames < 2) return false;
    const { left, top, height } = this.canvas.getBoundingClientRect(), x = event.clientX - left;
    if (Math.abs(event.clientY - top - height / 2) > HANDLE_HEIGHT / 2) return false;
    const ends = [-1, 1].map((side) => this.#x(key.frame + side * (key.falloff + 1)));
    return ends.some((end) => Math.abs(end - x) < HANDLE) && Math.abs(this.#x(key.frame) - x) >= KEY;
  }

  #move(event) {
    const frame = this.#frame(event), { model } = this, { kind, from } = this.#drag;
    if (kind === "seek") model.goTo(frame);
    else if (kind === "range") model.setRange({ from: Math.min(from, frame), to: Math.max(from, frame) });
    else {
      const falloff = Math.max(0, Math.abs(frame - model.frame) - 1);
      model.preview(setFalloff(model.edits, { frame: model.frame, falloff }));
    }
  }

  #release() {
    if (this.#drag?.kind === "falloff") this.model.falloff = this.model.falloff;
    this.#drag = null;
  }

  draw() {
    const { canvas, model } = this, context = canvas.getContext("2d"), sharpness = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight], style = getComputedStyle(canvas);
    if (!width) return;
    canvas.width = Math.round(width * sharpness);
    canvas.height = Math.round(height * sharpness);
    context.scale(sharpness, sharpness);
    const middle = height / 2, half = Math.max(1, this.#step / 2);
    const bar = (from, to, top, tall) => context.fillRect(this.#x(from) - half, top, (to - from) * this.#step + 2 * half, tall);
    if (model.range) {
      context.fillStyle = "#48f4";
      bar(model.range.from, model.range.to, 0, height);
    }
    LANES.forEach(([kind, color], lane) => {
      context.fillStyle = color;
      for (const { from, to } of model.edits[kind]) {
        bar(from, Math.min(to, model.source.frames - 1), TOP + (lane % 2) * ROW, ROW - 2);
      }
    });
    context.strokeStyle = context.fillStyle = style.color;
    context.globalAlpha = 0.5;
    this.#drawLine(context, middle, height);
    context.globalAlpha = 1;
    model.edits.keys.forEach((key) => this.#drawKey(context, key, middle));
    context.fillStyle = "#f80";
    context.fillRect(this.#x(model.frame) - 1, 0, 2, height);
  }

  #drawLine(context, middle, height) {
    const { frames } = this.model.source, every = Math.max(1, Math.ceil((frames - 1) / LABELS));
    context.fillRect(SIDE, middle, this.#step * (frames - 1), 1);
    context.font = "10px sans-serif";
    context.textAlign = "center";
    for (let frame = 0; frame < frames; frame++) {
      if (this.#step > 4) context.fillRect(this.#x(frame), middle - 2, 1, 5);
      if (frame % every === 0) context.fillText(String(frame), this.#x(frame), height - 4);
    }
  }

  #drawKey(context, key, middle) {
    const x = this.#x(key.frame), isCurrent = key.frame === this.model.frame;
    const reach = Math.min(this.canvas.clientWidth, (key.falloff + 1) * this.#step);
    context.fillStyle = isCurrent ? "#fc06" : "#fc03";
    context.beginPath();
    context.moveTo(x - reach, middle);
    context.lineTo(x, middle - 9);
    context.lineTo(x + reach, middle);
    context.lineTo(x, middle + 9);
    context.fill();
    context.fillStyle = "#fc0";
    context.beginPath();
    for (const [right, down] of [[-KEY, 0], [0, -KEY], [KEY, 0], [0, KEY]]) context.lineTo(x + right, middle + down);
    context.fill();
    if (isCurrent && this.model.source.frames > 1) {
      for (const end of [x - reach, x + reach]) context.fillRect(end - 2, middle - 5, 4, 10);
    }
  }
}
