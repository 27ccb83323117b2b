/** @file Changes of edits: each returns new edits, so that undo keeps the old ones. */

import { isEmpty, namesOf, noEdits, pointsOf, RANGES } from "./edits.js";
import { isSeen, offsetAt, STRIDE } from "./evaluate.js";
import { INDEX, NAMES, OTHER_SIDE } from "./skeleton.js";

/**
 * @typedef {import("./edits.js").Edits} Edits
 * @typedef {import("./edits.js").FrameRange} FrameRange
 * @typedef {import("./edits.js").KeyPose} KeyPose
 * @typedef {{frame: number, falloff: number}} When a frame, and the falloff of a new key pose in it
 */

const DIGITS = 1e6, FURTHEST = 10; // of stored fractions of the image
const rounded = (value) => Math.round(Math.min(FURTHEST, Math.max(-FURTHEST, value)) * DIGITS) / DIGITS;

/** The key pose of a frame. @param {Edits} edits @param {number} frame @returns {?KeyPose} */
export const keyAt = (edits, frame) => edits.keys.find((key) => key.frame === frame) ?? null;

/**
 * Bring points to places in a frame: moved where a pose came in, else placed.
 * @param {Edits} edits
 * @param {When} when
 * @param {Map<number, [number, number]>} targets fractions of the image by point
 * @param {Float64Array} base of applyRanges
 * @returns {Edits}
 */
export function movePoints(edits, when, targets, base) {
  const key = keyAt(edits, when.frame) ?? { ...when, offsets: {}, places: {} };
  const offsets = { ...key.offsets }, places = { ...key.places };
  for (const [point, [x, y]] of targets) {
    const at = when.frame * STRIDE + point * 3;
    if (isSeen(base, at)) {
      offsets[NAMES[point]] = [rounded(x - base[at]), rounded(y - base[at + 1])];
    } else {
      const [byX, byY] = offsetAt(edits, when.frame, point);
      places[NAMES[point]] = [rounded(x - byX), rounded(y - byY)];
    }
  }
  return withKey(edits, { ...key, offsets, places });
}

/** @param {Edits} edits @param {KeyPose} key @returns {Edits} */
function withKey(edits, key) {
  const others = edits.keys.filter((other) => other.frame !== key.frame);
  const isUsed = Object.keys(key.offsets).length || Object.keys(key.places).length;
  const keys = isUsed ? [...others, key].sort((one, other) => one.frame - other.frame) : others;
  return { ...edits, keys };
}

/** @param {Edits} edits @param {When} when @returns {Edits} */
export function setFalloff(edits, { frame, falloff }) {
  const key = keyAt(edits, frame);
  return key ? withKey(edits, { ...key, falloff }) : edits;
}

/**
 * Hide points in a range of frames.
 * @param {Edits} edits
 * @param {FrameRange} range
 * @returns {Edits}
 */
export function hide(edits, range) {
  return { ...edits, hide: [...without(edits.hide, range), range] };
}

/** Undo hiding. @param {Edits} edits @param {FrameRange} range @returns {Edits} */
export const unhide = (edits, range) => ({ ...edits, hide: without(edits.hide, range) });

/** Show points that came in with a low score. @param {Edits} edits @param {FrameRange} range @returns {Edits} */
export const showFaint = (edits, range) => ({ ...edits, show: [...without(edits.show, range), range] });

/**
 * Swap left and right in a range of frames, or swap them back.
 * @param {Edits} edits
 * @param {FrameRange} range
 * @returns {Edits}
 */
export function swap(edits, range) {
  const same = (other) => ["from", "to"].every((end) => other[end] === range[end])
    && namesOf(pointsOf(other.joints)).join() === namesOf(pointsOf(range.joints)).join();
  const others = edits.swap.filter((other) => !same(other));
  return { ...edits, swap: others.length < edits.swap.length ? others : [...others, range] };
}

/** Interpolate points in a range of frames. @param {Edits} edits @param {FrameRange} range @returns {Edits} */
export const fillGap = (edits, range) => ({ ...edits, fill: [...without(edits.fill, range), range] });

/**
 * Put a whole skeleton into a frame, in place of what was found in a range around it.
 * @param {Edits} edits
 * @param {When} when
 * @param {Map<number, [number, number]>} pose
 * @param {FrameRange} range
 * @returns {Edits}
 */
export function placeSkeleton(edits, when, pose, range) {
  const cleared = resetRange(edits, range);
  const places = Object.fromEntries([...pose].map(([point, place]) => [NAMES[point], place.map(rounded)]));
  return withKey({ ...cleared, ignore: [...cleared.ignore, range] }, { ...when, offsets: {}, places });
}

/** Remove all edits of a range of frames. @param {Edits} edits @param {FrameRange} range @returns {Edits} */
export function resetRange(edits, range) {
  const all = { ...range, joints: ["all"] };
  const keys = edits.keys.filter((key) => key.frame < range.from || key.frame > range.to);
  return RANGES.reduce((result, kind) => ({ ...result, [kind]: without(result[kind], all) }), { ...edits, keys });
}

/** Remove the edits of everybody. @param {Edits} edits @returns {Edits} */
export const resetAll = ({ person }) => noEdits(person);

/**
 * Correct another person, and keep the edits of the one before.
 * @param {Edits} edits
 * @param {?number} from the person whom they correct; edits of nobody in particular go over to the other one
 * @param {number} to
 * @returns {Edits}
 */
export function choosePerson(edits, from, to) {
  if (from === null) return { ...edits, person: to };
  const left = { ...edits, person: from, others: [] };
  const others = [...edits.others, ...(isEmpty(left) ? [] : [left])].filter(({ person }) => person !== to);
  const found = edits.others.find(({ person }) => person === to) ?? noEdits(to);
  return { ...found, others };
}

/**
 * Mirror the places of a pose about a vertical line, so that left becomes right.
 * @param {Float64Array} pose
 * @param {number} middle as a fraction of the width
 * @returns {Map<number, [number, number]>}
 */
export function mirrored(pose, middle) {
  const both = NAMES.flatMap((_, point) => (isSeen(pose, point * 3) && isSeen(pose, OTHER_SIDE[point] * 3) ? [point] : []));
  return new Map(both.filter((point) => point < INDEX.face_0).map((point) => {
    const from = OTHER_SIDE[point] * 3;
    return [point, [2 * middle - pose[from], pose[from + 1]]];
  }));
}

/** Ranges less the points of another in its frames. @param {FrameRange[]} ranges @param {FrameRange} gone */
function without(ranges, gone) {
  const points = new Set(pointsOf(gone.joints));
  return ranges.flatMap((range) => {
    const kept = pointsOf(range.joints).filter((point) => !points.has(point));
    if (range.to < gone.from || range.from > gone.to || kept.length === pointsOf(range.joints).length) return [range];
    const from = Math.max(range.from, gone.from), to = Math.min(range.to, gone.to);
    return [
      { ...range, to: from - 1 }, { ...range, from, to, joints: namesOf(kept) }, { ...range, from: to + 1 },
    ].filter((part) => part.from <= part.to && part.joints.length);
  });
}
