/** @file The points of a person: names, groups, bones and colours, as in animatex_core/pose. */

/** OpenPose's body joints and one toe per foot; left and right are the person's own. */
export const BODY = [
  "nose", "neck",
  "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
  "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
  "right_eye", "left_eye", "right_ear", "left_ear",
  "left_toe", "right_toe",
];
const numbered = (prefix, count) => Array.from({ length: count }, (_, number) => `${prefix}_${number}`);
export const NAMES = [
  ...BODY, ...numbered("left_hand", 21), ...numbered("right_hand", 21), ...numbered("face", 68),
];
export const POINTS = NAMES.length;
/** @type {Record<string, number>} */
export const INDEX = Object.fromEntries(NAMES.map((name, index) => [name, index]));
export const LEFT_HAND = INDEX.left_hand_0, RIGHT_HAND = INDEX.right_hand_0, FACE = INDEX.face_0;

const matching = (pattern) => NAMES.flatMap((name, index) => (pattern.test(name) ? [index] : []));
/** Indices of the points of a group. @type {Record<string, number[]>} */
export const GROUPS = {
  all: matching(/./),
  body: BODY.map((_, index) => index),
  left_hand: matching(/^left_hand_/),
  right_hand: matching(/^right_hand_/),
  face: matching(/^face_/),
  arms: matching(/^(left|right)_(shoulder|elbow|wrist|hand)/),
  legs: matching(/^(left|right)_(hip|knee|ankle|toe)/),
  head: matching(/^(nose|left_eye|right_eye|left_ear|right_ear|face)/),
};

const otherSide = (name) => name.replace(/^(left|right)_/, (_, side) => (side === "left" ? "right_" : "left_"));
/** The same point on the other side of the body. */
export const OTHER_SIDE = NAMES.map((name) => INDEX[otherSide(name)]);

const pairs = (names) => names.map(([one, other]) => [INDEX[one], INDEX[other]]);
export const LIMBS = pairs([
  ["neck", "right_shoulder"], ["neck", "left_shoulder"],
  ["right_shoulder", "right_elbow"], ["right_elbow", "right_wrist"],
  ["left_shoulder", "left_elbow"], ["left_elbow", "left_wrist"],
  ["neck", "right_hip"], ["right_hip", "right_knee"], ["right_knee", "right_ankle"],
  ["neck", "left_hip"], ["left_hip", "left_knee"], ["left_knee", "left_ankle"],
  ["neck", "nose"], ["nose", "right_eye"], ["right_eye", "right_ear"],
  ["nose", "left_eye"], ["left_eye", "left_ear"],
  ["left_ankle", "left_toe"], ["right_ankle", "right_toe"],
]);
const fingerParent = (point) => (point % 4 === 1 ? 0 : point - 1);
export const FINGERS = [LEFT_HAND, RIGHT_HAND].flatMap((start) =>
  Array.from({ length: 20 }, (_, number) => [start + fingerParent(number + 1), start + number + 1]));

/** Colours of body joints and, dimmed, of the limbs with the same index: red, green, blue. */
const COLORS = [
  [0, 0, 255], [0, 85, 255], [0, 170, 255], [0, 255, 255], [0, 255, 170], [0, 255, 85], [0, 255, 0],
  [85, 255, 0], [170, 255, 0], [255, 255, 0], [255, 170, 0], [255, 85, 0], [255, 0, 0], [255, 0, 85],
  [255, 0, 170], [255, 0, 255], [170, 0, 255], [85, 0, 255], [255, 255, 170], [0, 255, 255],
];
/** @param {number} point @param {number} dimmed 0..1 */
export function colorOf(point, dimmed = 1) {
  const [red, green, blue] = COLORS[point] ?? [255, 255, 255];
  return `rgb(${red * dimmed} ${green * dimmed} ${blue * dimmed})`;
}

/** What each point hangs on, -1 for the neck. @type {number[]} */
export const PARENT = NAMES.map((_, point) => {
  if (point >= FACE) return INDEX.nose;
  for (const [start, wrist] of [[LEFT_HAND, INDEX.left_wrist], [RIGHT_HAND, INDEX.right_wrist]]) {
    if (point === start) return wrist;
    if (point > start && point < start + 21) return start + fingerParent(point - start);
  }
  return LIMBS.find(([, end]) => end === point)?.[0] ?? -1;
});

/** A point and all that hangs on it. @param {number} point @returns {number[]} */
export function descendants(point) {
  const found = [point];
  for (const each of found) PARENT.forEach((parent, child) => parent === each && found.push(child));
  return found;
}

/** Arms and legs: the root, the joint that bends, and the end. */
export const CHAINS = [
  ["left_shoulder", "left_elbow", "left_wrist"], ["right_shoulder", "right_elbow", "right_wrist"],
  ["left_hip", "left_knee", "left_ankle"], ["right_hip", "right_knee", "right_ankle"],
].map((names) => names.map((name) => INDEX[name]));

/** A standing figure seen from the front, x from its middle and y from its top, in heights. */
const STANDING = {
  nose: [0, 0.1], neck: [0, 0.2], shoulder: [0.1, 0.21], elbow: [0.15, 0.36], wrist: [0.18, 0.5],
  hip: [0.06, 0.52], knee: [0.065, 0.73], ankle: [0.07, 0.93], toe: [0.09, 0.985],
  eye: [0.022, 0.08], ear: [0.045, 0.1],
};
const NARROWEST = 0.5, WIDEST = 1.2, ARM_SPAN = 0.36;

/**
 * The body of a standing figure in a box.
 * @param {number[]} box left, top, right and bottom as fractions of the image
 * @param {[number, number]} size of the image in pixels
 * @returns {Map<number, [number, number]>} fractions of the image by point
 */
export function standingPose(box, [width, height]) {
  const tall = box[3] - box[1], middle = (box[0] + box[2]) / 2;
  const unit = (tall * height) / width; // a height, as a fraction of the width
  const wide = Math.min(WIDEST, Math.max(NARROWEST, (box[2] - box[0]) / (ARM_SPAN * unit)));
  return new Map(BODY.map((name, point) => {
    const [x, y] = STANDING[name.replace(/^(left|right)_/, "")];
    const side = name.startsWith("right_") ? -1 : 1; // the person's right is on the left of the image
    return [point, [middle + side * x * unit * wide, box[1] + y * tall]];
  }));
}
