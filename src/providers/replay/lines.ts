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
  /**
   * The lines, each with its newline, but the last of the input perhaps without. The bytes are those of a buffer that is
   * used again: they hold only until the next block is asked for.
   */
  readonly data: Uint8Array;
  /** Bytes of the input before it. */
  readonly offset: number;
  /** Set when the block is only the beginning of one line that is too long: the line's length in bytes. */
  readonly tooLong?: number;
}

/** Cuts bytes into blocks of whole lines, starting to count at `offset`. */
export async function* readBlocks(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Block> {
  let buffer = new Uint8Array(512 * 1024);
  /** Bytes of the unfinished line at the start of the buffer. */
  let held = 0;
  /** Bytes so far of a line that is too long; 0 outside of one. */
  let skipping = 0;

  function take(length: number, tooLong?: number): Block {
    const block = { data: buffer.subarray(0, length), offset, tooLong };
    offset += tooLong ?? length;
    return block;
  }

  for await (let bytes of chunks) {
    if (skipping > 0) {
      const end = bytes.indexOf(NEWLINE) + 1;
      skipping += end === 0 ? bytes.length : end;
      if (end === 0) continue;
      yield take(SHOWN_BYTES, skipping);
      skipping = 0;
      held = 0;
      bytes = bytes.subarray(end);
    }
    const filled = held + bytes.length;
    if (filled > buffer.length) {
      const grown = new Uint8Array(filled * 2);
      grown.set(buffer.subarray(0, held));
      buffer = grown;
    }
    buffer.set(bytes, held);
    const end = held + bytes.lastIndexOf(NEWLINE) + 1;
    if (end > held) {
      yield take(end);
      buffer.copyWithin(0, end, filled);
      held = filled - end;
    } else {
      held = filled;
    }
    if (held > MAX_LINE_BYTES) skipping = held;
  }
  if (skipping > 0) yield take(SHOWN_BYTES, skipping);
  else if (held > 0) yield take(held);
}
