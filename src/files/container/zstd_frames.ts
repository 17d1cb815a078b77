/**
 * Checks whether zstd ends where a frame does (RFC 8878, section 3.1): the decompressor does not notice that a file is
 * cut off.
 *
 * @module
 */

/** Follows the frames of packed bytes. */
export interface FrameTracker {
  /** Takes the next bytes. */
  add(bytes: Uint8Array): void;
  /** Whether the bytes so far end with a frame. */
  readonly isWhole: boolean;
}

/**
 * The part that comes next: the number of a frame, its descriptor, the header of a block, or the length of a frame to
 * skip. Bytes without meaning lie between them.
 */
type State = "magic" | "descriptor" | "block" | "skippable";
const LENGTHS: Readonly<Record<State, number>> = { magic: 4, descriptor: 1, block: 3, skippable: 4 };
const DICTIONARY_BYTES = [0, 1, 2, 4];
const RLE = 1;

/** Makes a tracker. */
export function createFrameTracker(): FrameTracker {
  let state: State = "magic";
  /** Bytes of the next part so far. */
  const field: number[] = [];
  let skip = 0;
  let checksumBytes = 0;

  function take(value: number): void {
    switch (state) {
      case "magic":
        state = value >>> 4 === 0x184d2a5 ? "skippable" : "descriptor";
        break;
      case "skippable":
        skip = value;
        state = "magic";
        break;
      case "descriptor": {
        const isSingle = (value >> 5 & 1) === 1;
        const size = value >> 6;
        checksumBytes = (value >> 2 & 1) * 4;
        skip = (isSingle ? 0 : 1) + DICTIONARY_BYTES[value & 3] + (size === 0 ? Number(isSingle) : 1 << size);
        state = "block";
        break;
      }
      case "block": {
        const isLast = (value & 1) === 1;
        skip = ((value >> 1 & 3) === RLE ? 1 : value >>> 3) + (isLast ? checksumBytes : 0);
        if (isLast) state = "magic";
      }
    }
  }

  return {
    add(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (skip > 0) {
          const count = Math.min(skip, bytes.length - at);
          skip -= count;
          at += count;
          continue;
        }
        field.push(bytes[at++]);
        if (field.length < LENGTHS[state]) continue;
        const value = field.reduceRight((sum, byte) => sum * 256 + byte, 0);
        field.length = 0;
        take(value);
      }
    },
    get isWhole() {
      return state === "magic" && skip === 0 && field.length === 0;
    },
  };
}
