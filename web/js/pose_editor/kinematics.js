/**
 * @file How a drag of one point moves others: along bones, in pixels, so that limbs keep their length.
 *
 * Each function takes a pose (130, 3) in fractions of the image and returns the new places of the points that
 * move, as fractions by point.
 */

import { isSeen } from "./evaluate.js";
import { CHAINS, descendants, INDEX, NAMES, PARENT } from "./skeleton.js";

/**
 * @typedef {[number, number]} Place
 * @typedef {{pose: Float64Array, size: Place}} Figure size: of the image in pixels
 * @typedef {Map<number, Place>} Moves
 */

const CARRIED = { left_wrist: /^left_hand/, right_wrist: /^right_hand/, nose: /^face/, left_ankle: /^left_toe/,
  right_ankle: /^right_toe/ };
const NEAR = 1e-3; // pixels: closer points have no direction

const pixels = ({ pose, size }, point) => [pose[point * 3] * size[0], pose[point * 3 + 1] * size[1]];
const fractions = ({ size }, [x, y]) => /** @type {Place} */ ([x / size[0], y / size[1]]);
const seen = ({ pose }) => (point) => isSeen(pose, point * 3);
const minus = ([x, y], [byX, byY]) => [x - byX, y - byY];
const angle = ([x, y]) => Math.atan2(y, x);

/** Turn and scale points about a pivot. @returns {Moves} */
function turned(figure, points, pivot, turn, factor = 1) {
  const cosine = Math.cos(turn) * factor, sine = Math.sin(turn) * factor;
  return new Map(points.filter(seen(figure)).map((point) => {
    const [x, y] = minus(pixels(figure, point), pivot);
    return [point, fractions(figure, [pivot[0] + x * cosine - y * sine, pivot[1] + x * sine + y * cosine])];
  }));
}

/** @returns {Moves} */
function shifted(figure, points, [x, y]) {
  return new Map(points.filter(seen(figure)).map((point) => {
    const [left, top] = pixels(figure, point);
    return [point, fractions(figure, [left + x, top + y])];
  }));
}

/** Move a point alone, with the hand, face or toe on it. @param {Figure} figure @param {number} point */
export function moveJoint(figure, point, target) {
  const carried = CARRIED[NAMES[point]];
  const points = [point, ...NAMES.flatMap((name, index) => (carried?.test(name) ? [index] : []))];
  return shifted(figure, points, minus(target, pixels(figure, point)));
}

/** Turn a limb, and all that hangs on it, about its upper end. @param {Figure} figure @param {number} point */
export function turnLimb(figure, point, target) {
  const pivot = pivotOf(figure, PARENT[point]);
  if (pivot === null) return moveAll(figure, minus(target, pixels(figure, point)));
  const [from, to] = [pixels(figure, point), target].map((end) => minus(end, pivot));
  if (Math.hypot(...from) < NEAR || Math.hypot(...to) < NEAR) return new Map();
  return turned(figure, descendants(point), pivot, angle(to) - angle(from));
}

/** Scale a limb from its root, with all that hangs on it. @param {Figure} figure @param {number} point */
export function scaleLimb(figure, point, target) {
  const chain = CHAINS.find((joints) => joints.slice(1).some((joint) => descendants(joint).includes(point)));
  const root = chain ? chain[0] : INDEX.neck;
  const pivot = pivotOf(figure, root === point ? PARENT[point] : root);
  if (pivot === null) return new Map();
  const [from, to] = [pixels(figure, point), target].map((end) => Math.hypot(...minus(end, pivot)));
  const limb = chain ? descendants(chain[1]) : point === INDEX.neck ? descendants(point) : branch(point);
  return from < NEAR ? new Map() : turned(figure, limb, pivot, 0, to / from);
}

/** Bring the end of an arm or a leg to a target by bending it. @param {Figure} figure @param {number} point */
export function reach(figure, point, target) {
  const chain = CHAINS.find(([, , end]) => end === point);
  if (!chain || !chain.every(seen(figure))) return turnLimb(figure, point, target);
  const [root, bend, end] = chain.map((joint) => pixels(figure, joint));
  const upper = Math.hypot(...minus(bend, root)), lower = Math.hypot(...minus(end, bend));
  const wanted = minus(target, root), distance = Math.hypot(...wanted);
  if (Math.min(upper, lower, distance) < NEAR) return new Map();
  const far = Math.min(upper + lower, Math.max(Math.abs(upper - lower), distance));
  const cosine = (upper * upper + far * far - lower * lower) / (2 * upper * far);
  const open = Math.acos(Math.min(1, Math.max(-1, cosine))) * sideOf(root, bend, end);
  const direction = angle(wanted) + open;
  const newBend = [root[0] + upper * Math.cos(direction), root[1] + upper * Math.sin(direction)];
  const newEnd = [root[0] + (wanted[0] / distance) * far, root[1] + (wanted[1] / distance) * far];
  const turn = angle(minus(newEnd, newBend)) - angle(minus(end, bend));
  const moves = turned(figure, descendants(chain[2]), end, turn);
  for (const [each, place] of moves) {
    const [x, y] = [place[0] * figure.size[0], place[1] * figure.size[1]];
    moves.set(each, fractions(figure, [x + newEnd[0] - end[0], y + newEnd[1] - end[1]]));
  }
  return moves.set(chain[1], fractions(figure, newBend));
}

/** Move the whole figure. @param {Figure} figure @param {number[]} by pixels @returns {Moves} */
export const moveAll = (figure, by) => shifted(figure, descendants(INDEX.neck), by);

/** Scale the whole figure about its middle, by how far a drag goes from it. @param {Figure} figure */
export function scaleAll(figure, start, target) {
  const pivot = middleOf(figure);
  const [from, to] = [start, target].map((end) => Math.hypot(...minus(end, pivot)));
  return from < NEAR ? new Map() : turned(figure, descendants(INDEX.neck), pivot, 0, to / from);
}

/** Turn the whole figure about its middle. @param {Figure} figure */
export function turnAll(figure, start, target) {
  const pivot = middleOf(figure), [from, to] = [start, target].map((end) => angle(minus(end, pivot)));
  return turned(figure, descendants(INDEX.neck), pivot, to - from);
}

/** The middle of the visible points in pixels. @param {Figure} figure */
export function middleOf(figure) {
  const places = descendants(INDEX.neck).filter(seen(figure)).map((point) => pixels(figure, point));
  const middle = (axis) => {
    const values = places.map((place) => place[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  };
  return [middle(0), middle(1)];
}

/** The place of a point, or of the nearest visible one above it; null if there is none. */
function pivotOf(figure, point) {
  while (point >= 0 && !seen(figure)(point)) point = PARENT[point];
  return point < 0 ? null : pixels(figure, point);
}

/** All that hangs on the neck along with a point: its side of the shoulders, a leg, or the head. */
function branch(point) {
  while (PARENT[point] !== INDEX.neck) point = PARENT[point];
  return descendants(point);
}

/** On which side of the line from root to end a joint bends: 1 or -1. */
function sideOf(root, bend, end) {
  const [x, y] = minus(bend, root), [toX, toY] = minus(end, root);
  return toX * y - toY * x >= 0 ? 1 : -1;
}
