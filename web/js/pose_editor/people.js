/** @file The other people of a video, who are drawn behind the one who is edited, and chosen by a click. */

import { noEdits } from "./edits.js";
import { applyRanges, hiddenAt, isSeen, poseAt } from "./evaluate.js";
import { BODY, LIMBS } from "./skeleton.js";

/**
 * @typedef {import("./edits.js").Edits} Edits
 * @typedef {{person: number, pose: Float64Array}} Other
 */

const UNEDITED = noEdits();
/** @type {WeakMap<Float32Array, {edits: Edits, values: Float64Array}>} the last poses after ranges, by what came in */
const known = new WeakMap();

/**
 * The people beside one who are visible in a frame, with their edits.
 * @param {import("./source.js").Source} source
 * @param {Edits} edits
 * @param {?number} edited the person whom they correct
 * @param {number} frame
 * @returns {Other[]}
 */
export function othersIn(source, edits, edited, frame) {
  const found = source.people.map((points, person) => {
    const own = edits.others.find((other) => other.person === person) ?? UNEDITED;
    return { person, pose: visiblePose(points, own, frame) };
  });
  return found.filter(({ person, pose }) => person !== edited && BODY.some((_, point) => isSeen(pose, point * 3)));
}

function visiblePose(points, edits, frame) {
  if (known.get(points)?.edits !== edits) known.set(points, { edits, values: applyRanges(points, edits) });
  const pose = poseAt(known.get(points).values, edits, frame);
  for (const point of hiddenAt(edits, frame)) pose.fill(0, point * 3, point * 3 + 3);
  return pose;
}

/**
 * The person at a place, the nearest if several are.
 * @param {Other[]} others
 * @param {(pose: Float64Array, point: number) => number[]} screen where a point is in CSS pixels
 * @param {number[]} place in CSS pixels
 * @param {number} reach how far from a bone or joint it may be, in CSS pixels
 * @returns {?number} their number
 */
export function personAt(others, screen, place, reach) {
  const distances = others.map(({ person, pose }) => [distanceTo(pose, (point) => screen(pose, point), place), person]);
  const near = distances.filter(([distance]) => distance <= reach).sort(([one], [other]) => one - other);
  return near[0]?.[1] ?? null;
}

function distanceTo(pose, at, place) {
  const isShown = (point) => isSeen(pose, point * 3);
  const joints = BODY.flatMap((_, point) => (isShown(point) ? [[point, point]] : []));
  const bones = LIMBS.filter((bone) => bone.every(isShown));
  return Math.min(...[...joints, ...bones].map(([start, end]) => distanceToLine(at(start), at(end), place)));
}

function distanceToLine(start, end, place) {
  const along = [end[0] - start[0], end[1] - start[1]], square = along[0] ** 2 + along[1] ** 2;
  const part = ((place[0] - start[0]) * along[0] + (place[1] - start[1]) * along[1]) / (square || 1);
  const share = Math.min(1, Math.max(0, part));
  return Math.hypot(start[0] + share * along[0] - place[0], start[1] + share * along[1] - place[1]);
}
