/**
 * Finds the fields of flat JSON objects in bytes.
 *
 * @module
 */
import { createInterner } from "./intern.ts";

/** The token of a field that an object lacks. */
export const ABSENT = 0;
/** Text, without its quotes. */
export const TEXT = 1;
/** A JSON number. */
export const NUMBER = 2;

/** A name of a field in objects; of several names of one field, the one with the lowest rank counts. */
export interface ObjectKey {
  readonly name: string;
  /** Slot of the field in the result. */
  readonly slot: number;
  readonly rank: number;
}

/** The object scanned last. One scanner serves all lines, so that a line costs no allocation. */
export interface ObjectScanner {
  /** {@linkcode ABSENT}, {@linkcode TEXT} or {@linkcode NUMBER} by slot. */
  readonly tokens: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /**
   * Scans the line between two places. Returns whether it is an object of texts without escapes, numbers and `null`;
   * any other line is left to `JSON.parse`.
   */
  scan(bytes: Uint8Array, from: number, to: number): boolean;
}

const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const LETTER_E = 101;
const BACKSLASH = 92;
const SPACE = 32;
const OPEN = 123;
const CLOSE = 125;
const NULL = [110, 117, 108, 108];
const UNKNOWN = -1;
/** Keys of an object whose order is remembered. */
const POSITIONS = 16;

/** Creates a scanner of objects whose keys may be in any order; other keys are ignored. */
export function createObjectScanner(keys: readonly ObjectKey[], width: number): ObjectScanner {
  const tokens = new Uint8Array(width);
  const starts = new Int32Array(width);
  const ends = new Int32Array(width);
  const ranks = new Int32Array(width);
  // Objects of a file mostly have their keys in one order, so the last key at each position is compared first.
  const keyAt = Array.from(
    { length: POSITIONS },
    () => createInterner((text) => keys.findIndex(({ name }) => name === text)),
  );
  const slots = Int32Array.from(keys, ({ slot }) => slot);
  const rankOf = Int32Array.from(keys, ({ rank }) => rank);

  /** Records the value of a key; the last value of a repeated name counts, as in `JSON.parse`. */
  function note(key: number, token: number, start: number, end: number): void {
    const slot = slots[key];
    if (tokens[slot] !== ABSENT && rankOf[key] > ranks[slot]) return;
    tokens[slot] = token;
    ranks[slot] = rankOf[key];
    starts[slot] = start;
    ends[slot] = end;
  }

  return {
    tokens,
    starts,
    ends,
    scan(bytes, from, to) {
      tokens.fill(ABSENT);
      let at = skipSpace(bytes, from, to);
      if (bytes[at] !== OPEN || at >= to) return false;
      at = skipSpace(bytes, at + 1, to);
      if (bytes[at] === CLOSE) return skipSpace(bytes, at + 1, to) === to;
      for (let position = 0;; position++) {
        const key = at + 1;
        const keyEnd = endOfText(bytes, at, to);
        if (keyEnd < 0) return false;
        at = skipSpace(bytes, keyEnd + 1, to);
        if (bytes[at] !== COLON || at >= to) return false;
        at = skipSpace(bytes, at + 1, to);
        const name = keyAt[position % POSITIONS](bytes, key, keyEnd);
        const start = at;
        if (bytes[at] === QUOTE) {
          const end = endOfText(bytes, at, to);
          if (end < 0) return false;
          if (name !== UNKNOWN) note(name, TEXT, start + 1, end);
          at = end + 1;
        } else if (bytes[at] === NULL[0]) {
          for (const byte of NULL) if (bytes[at++] !== byte) return false;
          // Like an empty text it means "absent", and hides the field's other names.
          if (name !== UNKNOWN) note(name, TEXT, start, start);
        } else {
          at = endOfNumber(bytes, at, to);
          if (at < 0) return false;
          if (name !== UNKNOWN) note(name, NUMBER, start, at);
        }
        at = skipSpace(bytes, at, to);
        if (at >= to) return false;
        if (bytes[at] === CLOSE) return skipSpace(bytes, at + 1, to) === to;
        if (bytes[at] !== COMMA) return false;
        at = skipSpace(bytes, at + 1, to);
      }
    },
  };
}

function skipSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === SPACE || bytes[at] === 9 || bytes[at] === 13 || bytes[at] === 10)) at++;
  return at;
}

/** Where the text that opens at `from` closes; -1 if none opens or closes, or it has escapes or control characters. */
function endOfText(bytes: Uint8Array, from: number, to: number): number {
  if (bytes[from] !== QUOTE) return -1;
  for (let at = from + 1; at < to; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte < SPACE) return -1;
  }
  return -1;
}

/** Where the number that begins at `from` ends; -1 if JSON has no such number. */
function endOfNumber(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  let at = endOfDigits(bytes, first, to);
  if (at === first || bytes[first] === ZERO && at > first + 1) return -1;
  if (at < to && bytes[at] === POINT) {
    const fraction = at + 1;
    at = endOfDigits(bytes, fraction, to);
    if (at === fraction) return -1;
  }
  if (at < to && (bytes[at] | SPACE) === LETTER_E) {
    const exponent = bytes[at + 1] === PLUS || bytes[at + 1] === MINUS ? at + 2 : at + 1;
    at = endOfDigits(bytes, exponent, to);
    if (at <= exponent) return -1;
  }
  return at;
}

function endOfDigits(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] >= ZERO && bytes[at] <= NINE) at++;
  return at;
}
