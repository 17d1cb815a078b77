/**
 * Splits bytes into blocks of whole lines, in constant memory for lines of any length.
 *
 * @module
 */

/** Longest line to read; only the beginning of a longer one is kept, for messages. */
export const MAX_LINE_BYTES = 1024 * 1024;
const SHOWN_BYTES = 200;
const NEWLINE = 10;

/** A block of whole lines. */
export interface Block {
  /**
   * The lines, each with its newline, except perhaps the last of the input. The buffer is reused: its bytes are valid
   * until the next block is requested.
   */
  readonly data: Uint8Array;
  /** Bytes of the input before it. */
  readonly offset: number;
  /** Set if the block is only the beginning of one line that is too long: the line's length in bytes. */
  readonly tooLong?: number;
}

/**
 * Cuts bytes into blocks of whole lines, starting to count at `offset`. A last line without newline is left out if
 * `isLastWhole` says, at the end, that it is not whole.
 */
export async function* readBlocks(
  chunks: AsyncIterable<Uint8Array>,
  offset: number,
  isLastWhole: () => boolean = () => true,
): AsyncGenerator<Block> {
  /** Bytes of an unfinished line, and room for the rest. */
  let buffer = new Uint8Array(0);
  /** Number of these bytes. */
  let held = 0;
  /** Bytes so far of a line that is too long; otherwise 0. */
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
      yield take(buffer.subarray(0, SHOWN_BYTES), skipping);
      skipping = 0;
      held = 0;
      bytes = bytes.subarray(end);
    }
    if (held === 0) {
      // Whole lines need not be copied.
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end > 0) {
        yield take(bytes.subarray(0, end));
        bytes = bytes.subarray(end);
      }
      if (bytes.length === 0) continue;
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
      yield take(buffer.subarray(0, end));
      buffer.copyWithin(0, end, filled);
      held = filled - end;
    } else {
      held = filled;
    }
    if (held > MAX_LINE_BYTES) skipping = held;
  }
  if (!isLastWhole()) return;
  if (skipping > 0) yield take(buffer.subarray(0, SHOWN_BYTES), skipping);
  else if (held > 0) yield take(buffer.subarray(0, held));
}
