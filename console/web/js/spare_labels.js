// Colour and shape of labels that no family knows, those of a platform's own set: the same ones in every view and tab,
// and different ones within a set as long as there are some left.

import { SPARE_SHAPES } from "./icons.js";

const COLOURS = [..."abcdefgh"];
const colours = COLOURS.map(() => 0);
const shapes = SPARE_SHAPES.map(() => 0);
const given = new Map();

/** The family of one such label: `spare-COLOUR-SHAPE`. */
export function spare(name) {
  let found = given.get(name);
  if (found === undefined) {
    const start = hash(name);
    found = `spare-${COLOURS[takeFrom(colours, start)]}-${SPARE_SHAPES[takeFrom(shapes, start >>> 8)]}`;
    given.set(name, found);
  }
  return found;
}

/** The index of what was taken the least, looked for from `start` on. */
function takeFrom(counts, start) {
  const least = Math.min(...counts);
  let at = start % counts.length;
  while (counts[at] > least) at = (at + 1) % counts.length;
  counts[at] += 1;
  return at;
}

// FNV-1a, 32 bits.
function hash(name) {
  let found = 0x811c9dc5;
  for (const letter of name) found = Math.imul(found ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return found;
}
