/** @file Edits as data, and as the JSON of the node's widget; animatex_core/pose/edits/reader.py reads the same. */

import { GROUPS, INDEX, NAMES } from "./skeleton.js";

/**
 * @typedef {[number, number]} Place x and y as fractions of the image
 * @typedef {{frame: number, falloff: number, offsets: Record<string, Place>, places: Record<string, Place>}} KeyPose
 * @typedef {{from: number, to: number, joints: string[], replace?: boolean}} FrameRange
 * @typedef {{frames: ?number, person: ?number, keys: KeyPose[], show: FrameRange[], swap: FrameRange[],
 *   ignore: FrameRange[], fill: FrameRange[], hide: FrameRange[], others: Edits[]}} Edits never changed in place;
 *   person: the number of the person whom they correct, null for the one that the node chooses; others: the edits of
 *   other people, without others of their own
 */

const VERSION = 1;
const MAX_FRAME = 1_000_000, MAX_PLACE = 10, MAX_PERSON = 15;
export const RANGES = ["show", "swap", "ignore", "fill", "hide"];

/** @returns {Edits} */
export const noEdits = (person = null) => (
  { frames: null, person, keys: [], show: [], swap: [], ignore: [], fill: [], hide: [], others: [] });

/** Whether they correct nobody. @param {Edits} edits */
export const isEmpty = (edits) =>
  !edits.keys.length && RANGES.every((kind) => !edits[kind].length) && edits.others.every(isEmpty);

/** Text that cannot be used; it must not be overwritten without being asked. */
export class UnreadableEdits extends Error {}

const refuse = (reason) => {
  throw new UnreadableEdits(reason);
};

/**
 * Read the widget's text.
 * @param {string} text
 * @returns {Edits}
 */
export function parseEdits(text) {
  if (!text.trim()) return noEdits();
  let content;
  try {
    content = JSON.parse(text);
  } catch (error) {
    refuse(`not JSON: ${error.message}`);
  }
  if (!isObject(content)) refuse("not an object");
  if (content.version > VERSION) refuse(`version ${content.version} is newer than ${VERSION}`);
  if (content.version !== VERSION) refuse(`version is ${content.version} and must be ${VERSION}`);
  const { version, others, ...own } = content, edits = readEdits(own), rest = list(others).map(readEdits);
  const people = [edits, ...rest].map(({ person }) => person);
  if (rest.length && (people.includes(null) || new Set(people).size < people.length)) {
    refuse("others must have a person of their own");
  }
  return { ...edits, others: rest };
}

/** @returns {Edits} of one person */
function readEdits(content) {
  requireKnown(content, ["person", "frames", "keys", ...RANGES]);
  const keys = list(content.keys).map(readKey).sort((one, other) => one.frame - other.frame);
  if (keys.some((key, at) => key.frame === keys[at + 1]?.frame)) refuse("a frame has two key poses");
  const frames = content.frames == null ? null : whole(content.frames, 1);
  const person = content.person == null ? null : whole(content.person, 0, MAX_PERSON);
  return Object.fromEntries([["frames", frames], ["person", person], ["keys", keys],
    ...RANGES.map((kind) => [kind, list(content[kind]).map((each) => readRange(each, kind))]), ["others", []]]);
}

/**
 * The text of edits, empty for no edits of the person that the node chooses.
 * @param {Edits} edits
 */
export function writeEdits(edits) {
  if (isEmpty(edits) && edits.person === null) return "";
  return JSON.stringify({ version: VERSION, ...short(edits) });
}

/** Edits without empty fields. @param {Edits} edits */
function short(edits) {
  const full = ([, value]) => value != null && (typeof value !== "object" || Object.keys(value).length > 0);
  const keys = edits.keys.map((key) => Object.fromEntries(Object.entries(key).filter(full)));
  return Object.fromEntries(Object.entries({ ...edits, keys, others: edits.others.map(short) }).filter(full));
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const object = (value) => (isObject(value) ? value : refuse("something is not an object"));
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : refuse("something is not a list"));

function requireKnown(value, fields) {
  const unknown = Object.keys(object(value)).find((field) => !fields.includes(field));
  if (unknown !== undefined) refuse(`unknown field "${unknown}"`);
}

function whole(value, least = 0, most = MAX_FRAME) {
  const fits = Number.isInteger(value) && value >= least && value <= most;
  return fits ? value : refuse(`${value} is no whole number from ${least} to ${most}`);
}

/** @returns {KeyPose} */
function readKey(value) {
  requireKnown(value, ["frame", "falloff", "offsets", "places"]);
  return {
    frame: whole(value.frame), falloff: whole(value.falloff ?? 0),
    offsets: readPlaces(value.offsets ?? {}), places: readPlaces(value.places ?? {}),
  };
}

function readPlaces(value) {
  const valid = (place) => Array.isArray(place) && place.length === 2
    && place.every((each) => Number.isFinite(each) && Math.abs(each) <= MAX_PLACE);
  for (const [name, place] of Object.entries(object(value))) {
    if (!Object.hasOwn(INDEX, name)) refuse(`unknown joint "${name}"`);
    if (!valid(place)) refuse(`"${name}" is not at x and y`);
  }
  return value;
}

/** @returns {FrameRange} */
function readRange(value, kind) {
  requireKnown(value, ["from", "to", "joints", ...(kind === "fill" ? ["replace"] : [])]);
  const joints = list(value.joints ?? ["all"]), from = whole(value.from);
  const unknown = joints.find((name) => !Object.hasOwn(GROUPS, name) && !Object.hasOwn(INDEX, name));
  if (unknown !== undefined) refuse(`unknown joint "${unknown}"`);
  return { from, to: whole(value.to, from), joints, ...(value.replace ? { replace: true } : {}) };
}

/** The points of names and groups. @param {string[]} names @returns {number[]} ascending */
export function pointsOf(names) {
  return [...new Set(names.flatMap((name) => GROUPS[name] ?? [INDEX[name]]))].sort((one, other) => one - other);
}

/** The fewest names of points. @param {Iterable<number>} points */
export function namesOf(points) {
  const left = new Set(points), names = [];
  for (const group of ["all", "body", "left_hand", "right_hand", "face"]) {
    if (left.size && GROUPS[group].every((point) => left.has(point))) {
      names.push(group);
      GROUPS[group].forEach((point) => left.delete(point));
    }
  }
  return [...names, ...[...left].sort((one, other) => one - other).map((point) => NAMES[point])];
}
