/**
 * Reads a segment from one end to the other, in constant memory and with any damage.
 *
 * @module
 */
import { findDamage } from "../records/codec.ts";
import { ENTRY_FIRST_BYTE, ENTRY_HEADER_BYTES, type EntryHeader, readEntryHeader } from "./format.ts";

/** An entry at its place. */
export interface ScannedEntry extends EntryHeader {
  /** Place of its header in the segment. */
  readonly at: number;
  /** Bytes of header and message. */
  readonly size: number;
  /** The message; valid until the next step of the scan. */
  readonly message: Uint8Array;
}

/** Bytes that are not an entry. */
export interface Damage {
  readonly at: number;
  readonly size: number;
  /** The damage, in words. */
  readonly damage: string;
}

/** A scan in progress. */
export interface Scanner {
  /** Place of the next step. */
  readonly at: number;
  /** The next entry or damage, which ends at `end` at the latest; `undefined` when the scan has reached that. */
  next(end: number): Promise<ScannedEntry | Damage | undefined>;
}

/** Bytes read at once. */
const WINDOW_BYTES = 1 << 20;

/** Starts a scan at the beginning of an entry. Numbers up to `after` are not valid. */
export function createScanner(file: Deno.FsFile, at: number, after = -1): Scanner {
  let window = new Uint8Array(WINDOW_BYTES);
  /** Place of the window's first byte, and its length. */
  let start = at;
  let filled = 0;

  /** Reads `size` bytes from `from` into the window, and as many more as fit, up to `end`. */
  async function load(from: number, size: number, end: number): Promise<void> {
    if (from >= start && from + size <= start + filled) return;
    const kept = window.subarray(from >= start && from < start + filled ? from - start : filled, filled);
    // A huge entry enlarges the window only for itself.
    const length = Math.max(WINDOW_BYTES, size);
    const next = window.length === length ? window : new Uint8Array(length);
    filled = Math.min(kept.length, length);
    next.set(kept.subarray(0, filled));
    window = next;
    start = from;
    await file.seek(start + filled, Deno.SeekMode.Start);
    const needed = Math.min(length, end - start);
    while (filled < needed) {
      const read = await file.read(window.subarray(filled, needed));
      if (read === null) throw new Deno.errors.UnexpectedEof(`The segment ends at ${start + filled}, before ${end}`);
      filled += read;
    }
  }

  /** Place of the next header of an entry after `from`, or `end`. */
  async function findHeader(from: number, end: number): Promise<number> {
    for (let place = from; place + ENTRY_HEADER_BYTES <= end; place++) {
      await load(place, ENTRY_HEADER_BYTES, end);
      const found = window.subarray(0, filled - ENTRY_HEADER_BYTES + 1).indexOf(ENTRY_FIRST_BYTE, place - start);
      if (found < 0) {
        place = start + filled - ENTRY_HEADER_BYTES;
        continue;
      }
      place = start + found;
      const header = readEntryHeader(window, found);
      if (header !== undefined && header.number > after) return place;
    }
    return end;
  }

  async function scan(end: number): Promise<ScannedEntry | Damage | undefined> {
    if (at >= end) return undefined;
    if (end - at < ENTRY_HEADER_BYTES) return { at, size: end - at, damage: "an entry ends in its header" };
    await load(at, ENTRY_HEADER_BYTES, end);
    const header = readEntryHeader(window, at - start);
    if (header === undefined || header.number <= after) {
      return { at, size: await findHeader(at + 1, end) - at, damage: "there is no entry" };
    }
    const size = ENTRY_HEADER_BYTES + header.length;
    if (at + size > end) {
      const damage = `entry ${header.number} ends in its message`;
      return { at, size: await findHeader(at + ENTRY_HEADER_BYTES, end) - at, damage };
    }
    await load(at, size, end);
    const message = window.subarray(at - start + ENTRY_HEADER_BYTES, at - start + size);
    const damage = findDamage(message);
    if (damage !== undefined) {
      // If bytes are missing in its middle, the next entry begins before this one's end.
      const next = await findHeader(at + ENTRY_HEADER_BYTES, Math.min(end, at + size + ENTRY_HEADER_BYTES));
      return { at, size: Math.min(size, next - at), damage: `entry ${header.number} cannot be read: ${damage}` };
    }
    after = header.number;
    return { ...header, at, size, message };
  }

  return {
    get at() {
      return at;
    },
    async next(end) {
      const found = await scan(end);
      if (found !== undefined) at += found.size;
      return found;
    },
  };
}

/** The scan of one segment at a time, which continues for repeated calls. */
export interface SegmentScan {
  /** The scan of a segment, at that place. */
  of(path: string, from: number): Promise<Scanner>;
  /** Ends the scan if it is of that segment; without a path, in any case. */
  end(path?: string): void;
}

/** Creates an idle scan. */
export function createSegmentScan(): SegmentScan {
  let current: { path: string; file: Deno.FsFile; scanner: Scanner } | undefined;
  function end(path = current?.path): void {
    if (path !== current?.path) return;
    current?.file.close();
    current = undefined;
  }
  return {
    end,
    async of(path, from) {
      if (current?.path !== path || current.scanner.at < from) {
        end();
        const file = await Deno.open(path);
        current = { path, file, scanner: createScanner(file, from) };
      }
      return current.scanner;
    },
  };
}
