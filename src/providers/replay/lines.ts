/**
 * Bytes to runs of whole lines, in constant memory whatever the lines are.
 *
 * @module
 */

/** Longest line that is read; of a longer one only the beginning is kept, to be shown. */
export const MAX_LINE_BYTES = 1024 * 1024;
const SHOWN_BYTES = 200;
const NEWLINE = 10;

/** A run of whole lines. */
export interface Block {
  /** The lines, each with its newline, but the last of the input perhaps without. */
  readonly data: Uint8Array;
  /** Bytes of the input before it. */
  readonly offset: number;
  /** Set when the block is only the beginning of one line that is too long: the line's length in bytes. */
  readonly tooLong?: number;
}

/** Cuts bytes into blocks of whole lines, starting to count at `offset`. */
export async function* readBlocks(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Block> {
  let rest: Uint8Array = new Uint8Array();
  /** Bytes so far of a line that is too long; 0 outside of one. */
  let skipping = 0;

  function take(data: Uint8Array, tooLong?: number): Block {
    const block = { data, offset, tooLong };
    offset += tooLong ?? data.length;
    return block;
  }

  for await (let bytes of chunks) {
    if (skipping > 0) {
      const end = bytes.indexOf(NEWLINE) + 1;
      skipping += end === 0 ? bytes.length : end;
      if (end === 0) continue;
      yield take(rest, skipping);
      skipping = 0;
      rest = new Uint8Array();
      bytes = bytes.subarray(end);
    }
    if (rest.length > 0) bytes = concat(rest, bytes);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) yield take(bytes.subarray(0, end));
    rest = bytes.subarray(end);
    if (rest.length > MAX_LINE_BYTES) {
      skipping = rest.length;
      rest = rest.slice(0, SHOWN_BYTES);
    }
  }
  if (skipping > 0) yield take(rest, skipping);
  else if (rest.length > 0) yield take(rest);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
