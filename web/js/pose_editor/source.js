/** @file What the node's last run saved for the editor: its frames as images, and the incoming poses. */

import { STRIDE } from "./evaluate.js";

/**
 * @typedef {{frames: number, width: number, height: number, poses: string, people: string[], person: ?number,
 *   pictures: string[], stride: number, box: ?number[], subfolder: string, type: string}} RunInfo as
 *   nodes/comfy/pose_editor.py writes it; person: number among people of those whom poses belong to
 */

const MOST_DECODED = 24; // images kept in memory

export class Source {
  #images = new Map();
  #nobody = null;
  #url;

  /**
   * @param {RunInfo} info
   * @param {Float32Array} points (frames, 130, 3) to edit, unless edits name a person
   * @param {Float32Array[]} people the same of everybody
   */
  constructor(info, points, people, url) {
    this.info = info;
    this.points = points;
    this.people = people;
    this.#url = url;
  }

  /** The number of the person to edit, unless edits name one; null if it is another one in each frame. */
  get person() {
    return this.info.person;
  }

  /** The incoming poses that edits correct. @param {import("./edits.js").Edits} edits @returns {Float32Array} */
  pointsFor({ person }) {
    if (person === null) return this.points;
    return this.people[person] ?? (this.#nobody ??= new Float32Array(this.points.length));
  }

  get frames() {
    return this.info.frames;
  }

  /** @returns {[number, number]} of the images in pixels */
  get size() {
    return [this.info.width, this.info.height];
  }

  /** Where a figure starts: the box of the mask, or the middle of the image. */
  get box() {
    return this.info.box ?? [0.5, 0.1, 0.5, 0.9];
  }

  /**
   * The image of a frame, or null until it is loaded.
   * @param {number} frame
   * @param {() => void} loaded called once it is
   * @returns {?HTMLImageElement}
   */
  image(frame, loaded) {
    const { pictures, stride } = this.info;
    const name = pictures[Math.min(Math.floor(frame / stride), pictures.length - 1)];
    if (name === undefined) return null;
    const image = this.#images.get(name) ?? this.#load(name, loaded);
    this.#images.delete(name); // the most recent one is the last
    this.#images.set(name, image);
    if (this.#images.size > MOST_DECODED) this.#images.delete(this.#images.keys().next().value);
    return image.complete && image.naturalWidth ? image : null;
  }

  #load(name, loaded) {
    const image = new Image();
    image.onload = loaded;
    image.src = this.#url(name);
    return image;
  }
}

/**
 * Load what a run saved.
 * @param {RunInfo} info
 * @param {(path: string) => string} apiURL of ComfyUI
 * @returns {Promise<Source>}
 * @throws {Error} if the files are gone, as after a restart of ComfyUI
 */
export async function loadSource(info, apiURL) {
  const place = { subfolder: info.subfolder, type: info.type };
  const url = (filename) => apiURL(`/view?${new URLSearchParams({ filename, ...place })}`);
  const load = async (name) => {
    const answer = await fetch(url(name));
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    const bytes = new DataView(await answer.arrayBuffer());
    const points = new Float32Array(bytes.byteLength / 4).map((_, at) => bytes.getFloat32(at * 4, true));
    if (points.length !== info.frames * STRIDE) throw new Error(`${name}: ${points.length} numbers`);
    return points;
  };
  const [points, ...people] = await Promise.all([info.poses, ...info.people].map(load));
  return new Source(info, points, people, url);
}
