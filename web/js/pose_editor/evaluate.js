/**
 * @file Poses with edits, bit for bit as animatex_core/pose/edits/apply.py computes them: in float64, with
 * sums, products and quotients in the same order, rounded to float32 in the end.
 */

import { pointsOf } from "./edits.js";
import { OTHER_SIDE, POINTS } from "./skeleton.js";

/** @typedef {import("./edits.js").Edits} Edits */

export const STRIDE = POINTS * 3; // numbers of a frame: x, y and score of each point
const SEEN = Math.fround(0.3);

/** Whether a point is visible. @param {ArrayLike<number>} values @param {number} at index of its x */
export const isSeen = (values, at) => values[at + 2] > SEEN;

/**
 * Poses with all edits.
 * @param {Float32Array} incoming (frames, 130, 3)
 * @param {Edits} edits
 * @returns {Float32Array} of the same form
 */
export function applyEdits(incoming, edits) {
  const base = applyRanges(incoming, edits), result = new Float32Array(incoming.length);
  for (let frame = 0; frame < incoming.length / STRIDE; frame++) {
    const pose = poseAt(base, edits, frame), hidden = hiddenAt(edits, frame);
    for (const point of hidden) pose.fill(0, point * 3, point * 3 + 3);
    result.set(pose, frame * STRIDE);
  }
  return result;
}

/**
 * Poses after all edits that come before key poses.
 * @param {Float32Array} incoming
 * @param {Edits} edits
 * @returns {Float64Array}
 */
export function applyRanges(incoming, edits) {
  const values = Float64Array.from(incoming), frames = incoming.length / STRIDE;
  for (const range of edits.show) {
    each(range, frames, (at) => {
      if (values[at + 2] > 0 && !isSeen(values, at)) values[at + 2] = 1;
    });
  }
  swapSides(values, edits, frames);
  for (const range of edits.ignore) each(range, frames, (at) => values.fill(0, at, at + 3));
  for (const range of edits.fill) pointsOf(range.joints).forEach((point) => fill(values, range, point, frames));
  return values;
}

/**
 * One frame with its key poses, before hiding.
 * @param {Float64Array} base of applyRanges
 * @param {Edits} edits
 * @param {number} frame
 * @returns {Float64Array} (130, 3)
 */
export function poseAt(base, edits, frame) {
  const pose = base.slice(frame * STRIDE, (frame + 1) * STRIDE);
  const { places, offsets } = tracksOf(edits);
  places.forEach((track, point) => place(pose, point, track, frame));
  offsets.forEach((track, point) => {
    if (!isSeen(pose, point * 3)) return;
    const [x, y] = weightedSum(track, frame);
    pose[point * 3] += x;
    pose[point * 3 + 1] += y;
  });
  return pose;
}

/** The points that edits hide in a frame. @param {Edits} edits @param {number} frame */
export function hiddenAt(edits, frame) {
  const ranges = edits.hide.filter((range) => range.from <= frame && frame <= range.to);
  return new Set(ranges.flatMap((range) => pointsOf(range.joints)));
}

/** How far the edits of other points move a point in a frame. @param {Edits} edits */
export function offsetAt(edits, frame, point) {
  const track = tracksOf(edits).offsets.get(point);
  return track ? weightedSum(track, frame) : [0, 0];
}

function each(range, frames, change) {
  const points = pointsOf(range.joints);
  for (let frame = range.from; frame <= Math.min(range.to, frames - 1); frame++) {
    for (const point of points) change(frame * STRIDE + point * 3);
  }
}

function swapSides(values, edits, frames) {
  const swapped = new Set();
  const toggle = (at) => swapped.delete(at) || swapped.add(at);
  for (const range of edits.swap) {
    const points = pointsOf(range.joints), both = new Set([...points, ...points.map((point) => OTHER_SIDE[point])]);
    for (let frame = range.from; frame <= Math.min(range.to, frames - 1); frame++) {
      both.forEach((point) => toggle(frame * POINTS + point));
    }
  }
  const before = values.slice();
  for (const at of swapped) {
    const from = (at - (at % POINTS) + OTHER_SIDE[at % POINTS]) * 3;
    values.set(before.subarray(from, from + 3), at * 3);
  }
}

/** Interpolate a point over a range; at an end of the video it stays where it was seen last. */
function fill(values, range, point, frames) {
  const last = Math.min(range.to, frames - 1), at = (frame) => frame * STRIDE + point * 3;
  const inside = (frame) => frame >= range.from && frame <= last;
  const known = (frame) => isSeen(values, at(frame)) && !(range.replace && inside(frame));
  const found = Array.from({ length: frames }, (_, frame) => frame).filter(known);
  if (!found.length) return;
  let next = 0; // index in found of the first frame after the current one
  for (let frame = range.from; frame <= last; frame++) {
    while (next < found.length && found[next] < frame) next++;
    if (found[next] === frame) continue;
    const begin = found[Math.max(next - 1, 0)], end = found[Math.min(next, found.length - 1)];
    const part = begin < frame && frame < end ? (frame - begin) / (end - begin) : null;
    for (const axis of [0, 1]) {
      const start = values[at(begin) + axis], stop = values[at(end) + axis];
      values[at(frame) + axis] = part === null ? start : start + part * (stop - start);
    }
    const scores = [values[at(begin) + 2], values[at(end) + 2]];
    values[at(frame) + 2] = part === null ? scores[0] : Math.min(...scores);
  }
}

/** @type {WeakMap<Edits, {places: Map<number, Track>, offsets: Map<number, Track>}>} */
const known = new WeakMap();
/** @typedef {{frame: number, falloff: number, value: [number, number]}[]} Track key poses of one point */

function tracksOf(edits) {
  if (!known.has(edits)) known.set(edits, { places: tracks(edits, "places"), offsets: tracks(edits, "offsets") });
  return known.get(edits);
}

function tracks(edits, kind) {
  const found = new Map();
  for (const { frame, falloff, [kind]: values } of edits.keys) {
    for (const [name, value] of Object.entries(values)) {
      const [point] = pointsOf([name]);
      if (!found.has(point)) found.set(point, []);
      found.get(point).push({ frame, falloff, value });
    }
  }
  return found;
}

/** The weight of a key pose: 1 in its frame, smoothly 0 at the end of its reach or at the next one. */
function weight(track, number, frame) {
  const { frame: own, falloff } = track[number];
  const other = track[frame < own ? number - 1 : number + 1];
  const reach = Math.min(falloff + 1, other ? Math.abs(other.frame - own) : Infinity);
  const distance = Math.abs(frame - own);
  if (distance >= reach) return 0;
  const part = distance / reach;
  return 1 - part * part * (3 - 2 * part);
}

function weightedSum(track, frame) {
  let x = 0, y = 0;
  track.forEach(({ value }, number) => {
    const share = weight(track, number, frame);
    if (share === 0) return;
    x += share * value[0];
    y += share * value[1];
  });
  return [x, y];
}

function place(pose, point, track, frame) {
  if (isSeen(pose, point * 3)) return;
  const shares = track.map((_, number) => weight(track, number, frame));
  const counting = track.filter((_, number) => shares[number] > 0);
  if (!counting.length) return;
  const total = shares.reduce((sum, share) => sum + share, 0);
  const mean = () => weightedSum(track, frame).map((value) => value / total);
  const [x, y] = counting.length === 1 ? counting[0].value : mean();
  pose.set([x, y, 1], point * 3);
}
