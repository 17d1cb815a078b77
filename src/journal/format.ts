/**
 * The format of the journal on disk.
 *
 * A journal is a directory of segments. A segment is a file named after the number of its first entry; it begins with a
 * header of 16 bytes: `BARLJRNL`, its version, and the CRC-32C of these. Entries follow, each a header of 32 bytes and
 * a message of `records/codec.ts`, which has a checksum of its own. The header of an entry has `JENT`, the length of
 * the message, the entry's number, the time of writing (epoch ms), the number of records, and the CRC-32C of these,
 * without which no length is believed. Numbers increase by one from entry to entry, through all segments. All numbers
 * are little-endian.
 *
 * @module
 */
import { join } from "@std/path";
import { crc32c } from "../records/crc32c.ts";

/** The written version. */
export const JOURNAL_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 16;
export const ENTRY_HEADER_BYTES = 32;

const SEGMENT_MAGIC = "BARLJRNL";
const ENTRY_MAGIC = 0x544e454a;
/** First byte of an entry. */
export const ENTRY_FIRST_BYTE = ENTRY_MAGIC & 0xff;
const SUFFIX = ".segment";
const NAME = /^\d{16}\.segment$/;

/** The header of an entry. */
export interface EntryHeader {
  readonly number: number;
  /** When it was written, in epoch milliseconds. */
  readonly time: number;
  /** Records and rejected items in it. */
  readonly records: number;
  /** Length of the message that follows, in bytes. */
  readonly length: number;
}

/** Kind whose journal lies in the directory itself, beside the directories of other kinds. */
const FIRST_KIND = "bar";
const KIND_NAME = /^[a-z_]+$/;

/** The directory of a kind's journal below a data directory: each kind has its own, so that none waits for another. */
export function journalDirectory(dataDir: string, kind = FIRST_KIND): string {
  return kind === FIRST_KIND ? join(dataDir, "journal") : join(dataDir, "journal", kind);
}

/** The directories of all journals below a data directory, by kind, bars first; some may be empty. */
export async function listJournals(dataDir: string): Promise<Map<string, string>> {
  const journals = new Map([[FIRST_KIND, journalDirectory(dataDir)]]);
  try {
    for await (const { name, isDirectory } of Deno.readDir(journalDirectory(dataDir))) {
      if (isDirectory && KIND_NAME.test(name)) journals.set(name, journalDirectory(dataDir, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return journals;
}

/** Name of the segment whose first entry has that number. */
export function segmentName(first: number): string {
  return `${String(first).padStart(16, "0")}${SUFFIX}`;
}

/** Paths of the segments of a journal, oldest first; empty without a directory. */
export async function listSegments(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) if (isFile && NAME.test(name)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().map((name) => join(directory, name));
}

/** Number of the first entry of a segment. */
export function firstNumber(path: string): number {
  return Number(path.slice(-16 - SUFFIX.length, -SUFFIX.length));
}

/** Encodes the header of a segment. */
export function segmentHeader(version = JOURNAL_VERSION): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  new TextEncoder().encodeInto(SEGMENT_MAGIC, bytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, version, true);
  view.setUint32(12, crc32c(bytes, 0, 12), true);
  return bytes;
}

/** Version of the segment that begins with these bytes; `undefined` if they are not a header. */
export function readSegmentVersion(bytes: Uint8Array): number | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWhole = view.getUint32(12, true) === crc32c(bytes, 0, 12);
  const isSegment = new TextDecoder().decode(bytes.subarray(0, 8)) === SEGMENT_MAGIC;
  return isWhole && isSegment ? view.getUint32(8, true) : undefined;
}

/** Writes the header of an entry to the beginning of `bytes`. */
function writeEntryHeader(bytes: Uint8Array, { number, time, records, length }: EntryHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, ENTRY_MAGIC, true);
  view.setUint32(4, length, true);
  view.setFloat64(8, number, true);
  view.setFloat64(16, time, true);
  view.setUint32(24, records, true);
  view.setUint32(28, crc32c(bytes, 0, 28), true);
}

/** An item to append: a message, and the number of its records. */
export interface LogItem {
  readonly message: Uint8Array;
  readonly records: number;
}

/** Largest buffer to keep for the next entries. */
const KEPT_BYTES = 1 << 20;

/**
 * Creates a function that encodes items as entries, numbered from `first` on. Its result is valid until the next call:
 * it keeps its buffer, as a new one for each group would trigger the garbage collector.
 */
export function createEntryFormatter(): (items: readonly LogItem[], first: number, time: number) => Uint8Array {
  let buffer = new Uint8Array(0);
  return (items, first, time) => {
    const size = items.reduce((size, { message }) => size + ENTRY_HEADER_BYTES + message.length, 0);
    if (buffer.length < size || buffer.length > Math.max(size, KEPT_BYTES)) buffer = new Uint8Array(size);
    let at = 0;
    for (const [place, { message, records }] of items.entries()) {
      writeEntryHeader(buffer.subarray(at), { number: first + place, time, records, length: message.length });
      buffer.set(message, at + ENTRY_HEADER_BYTES);
      at += ENTRY_HEADER_BYTES + message.length;
    }
    return buffer.subarray(0, size);
  };
}

/** Reads the header of an entry; `undefined` if there is no header at that place. */
export function readEntryHeader(bytes: Uint8Array, at = 0): EntryHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(at, true) !== ENTRY_MAGIC) return undefined;
  if (view.getUint32(at + 28, true) !== crc32c(bytes, at, at + 28)) return undefined;
  const number = view.getFloat64(at + 8, true);
  if (!Number.isSafeInteger(number)) return undefined;
  return {
    number,
    time: view.getFloat64(at + 16, true),
    records: view.getUint32(at + 24, true),
    length: view.getUint32(at + 4, true),
  };
}
