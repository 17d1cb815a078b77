/**
 * Damages frames in the ways that networks, careless servers and hostile ones do; the same ones for the same seed.
 *
 * @module
 */

/** Gives the next whole number from 0 to before `below`. */
export type Random = (below: number) => number;

/** Makes random numbers (mulberry32) of a seed. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) % below;
  };
}

/** Values that do not belong where they are put. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, "", " ", "abc", [], {}, [[]], { toString: 1 }, { __proto__: null }, "\u0000", "\ud800"],
  ...[0, -0, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 53, 1e21, 12.0, 1_721_807_760_000],
  ...["0", "-1", "1e999", "0x10", "1,5", "١", "12abc", "NaN", "Infinity", "2024-02-30T00:00:00Z", "9".repeat(400)],
];
/** Pieces of text, some of which make other numbers or other JSON. */
const PIECES = [
  ...["", "{", "}", "[", "]", '"', ",", ":", "\\", "\\u", "-", ".", "e", "E9", "e-9", "e999", "0", "9", "1e999"],
  ...["null", "true", "NaN", "\u0000", "\ufeff", "\n", "é", "💥", "[[[[", "{}{}", "//", '"T":"b"', '"ev":"AM"', "/"],
];

/** A frame with one to four kinds of damage; rarely none. */
export function mutate(frames: readonly string[], random: Random): string {
  let text = frames[random(frames.length)];
  for (let change = random(4); change >= 0; change--) text = damage(text, frames, random);
  return text;
}

function damage(text: string, frames: readonly string[], random: Random): string {
  const at = random(text.length + 1);
  const end = Math.min(text.length, at + random(40));
  switch (random(8)) {
    case 0: // A run is gone.
      return text.slice(0, at) + text.slice(end);
    case 1: // A run comes twice.
      return text.slice(0, end) + text.slice(at);
    case 2: // The rest is that of another frame.
      return text.slice(0, at) + frames[random(frames.length)].slice(at);
    case 3: // A character is another.
      return text.slice(0, at) + String.fromCharCode(random(128)) + text.slice(at + 1);
    case 4:
    case 5: // A piece is put in, or in the place of some characters.
      return text.slice(0, at) + PIECES[random(PIECES.length)] + text.slice(at + random(6));
    default:
      return graft(text, random);
  }
}

/** The text with a value of its JSON replaced, or left out; as it is, where it is no JSON. */
function graft(text: string, random: Random): string {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return text;
  }
  let node = root;
  while (true) {
    if (typeof node !== "object" || node === null) return text;
    const of = node as Record<string, unknown>;
    const keys = Object.keys(of);
    if (keys.length === 0) return text;
    const key = keys[random(keys.length)];
    const isLeaf = typeof of[key] !== "object" || of[key] === null;
    if (!isLeaf && random(8) > 0) {
      node = of[key];
      continue;
    }
    if (random(6) === 0) delete of[key];
    // Often another value of the same frame: plausible, but wrong.
    else of[key] = random(3) === 0 ? of[keys[random(keys.length)]] : VALUES[random(VALUES.length)];
    return JSON.stringify(root);
  }
}
