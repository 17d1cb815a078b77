/**
 * Finds the codes of texts by their bytes: only a new text is decoded.
 *
 * @module
 */

/** Finds the code of the text between two places. */
export type Interner = (bytes: Uint8Array, from: number, to: number) => number;

/** Most texts to remember: hostile input could make the memory grow for ever. */
const MAX_TEXTS = 1 << 17;
/** Most bytes of the texts. */
const MAX_BYTES = 1 << 22;
/** Longest text to remember: a longer one hardly repeats. */
const MAX_LENGTH = 256;
const LEAST_SLOTS = 64;

/**
 * Creates an interner. `codeOf` returns the code of a text; it must return the same code for the same text, as a
 * forgotten one is requested again.
 */
export function createInterner(codeOf: (text: string) => number): Interner {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Open addressing: the index of a text plus 1, or 0. */
  let slots = new Int32Array(LEAST_SLOTS);
  let mask = LEAST_SLOTS - 1;
  let hashes = new Int32Array(LEAST_SLOTS / 2);
  let codes = new Int32Array(LEAST_SLOTS / 2);
  /** Where each text's bytes begin in `pool`; at `count`, where the next would. */
  let starts = new Int32Array(LEAST_SLOTS / 2 + 1);
  let pool = new Uint8Array(1024);
  let count = 0;
  let last = -1;

  function isAt(place: number, bytes: Uint8Array, from: number, length: number): boolean {
    const start = starts[place];
    if (starts[place + 1] - start !== length) return false;
    // Consecutive texts mostly differ at their ends.
    for (let at = length - 1; at >= 0; at--) if (pool[start + at] !== bytes[from + at]) return false;
    return true;
  }

  function add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const code = codeOf(decoder.decode(bytes.subarray(from, to)));
    if (to - from > MAX_LENGTH) return code;
    if (count === MAX_TEXTS || starts[count] + to - from > MAX_BYTES) forget();
    if (count === codes.length) grow();
    const start = starts[count];
    if (start + to - from > pool.length) {
      const larger = new Uint8Array(2 * pool.length);
      larger.set(pool);
      pool = larger;
    }
    pool.set(bytes.subarray(from, to), start);
    starts[count + 1] = start + to - from;
    hashes[count] = hash;
    codes[count] = code;
    place(count++);
    return code;
  }

  function place(text: number): void {
    let slot = hashes[text] & mask;
    while (slots[slot] !== 0) slot = slot + 1 & mask;
    slots[slot] = text + 1;
  }

  function grow(): void {
    const resized = (values: Int32Array<ArrayBuffer>, length: number) => {
      const larger = new Int32Array(length);
      larger.set(values);
      return larger;
    };
    hashes = resized(hashes, 2 * count);
    codes = resized(codes, 2 * count);
    starts = resized(starts, 2 * count + 1);
    slots = new Int32Array(4 * count);
    mask = slots.length - 1;
    for (let text = 0; text < count; text++) place(text);
  }

  function forget(): void {
    slots.fill(0);
    count = 0;
    last = -1;
  }

  return (bytes, from, to) => {
    const length = to - from;
    if (last >= 0 && isAt(last, bytes, from, length)) return codes[last];
    let hash = length;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; slots[slot] !== 0; slot = slot + 1 & mask) {
      const text = slots[slot] - 1;
      if (hashes[text] === hash && isAt(text, bytes, from, length)) return codes[last = text];
    }
    return add(bytes, from, to, hash);
  };
}
