/**
 * The segments of an open log: files that grow one after the other, and are removed from the front.
 *
 * The newest segment is **open** while it is written to. It is **sealed** when it has reached its size, when a write to
 * it has failed, and when it is removed; the next write begins another one.
 *
 * @module
 */
import { join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { SEGMENT_HEADER_BYTES, segmentHeader, segmentName } from "./format.ts";
import { skipNumbers } from "./missing.ts";
import type { Segment } from "./recover.ts";
import { isOutOfSpace, JournalFullError } from "./space.ts";

/** See the module's description. */
export interface Segments extends Disposable {
  /** All segments, oldest first. */
  readonly all: readonly Segment[];
  /** Size of all segments. */
  readonly bytes: number;
  readonly unreadEntries: number;
  readonly unreadRecords: number;
  /** Number of the next entry. */
  readonly next: number;
  /** The oldest segment with unread entries. */
  readonly unread: Segment | undefined;
  /**
   * Appends the bytes of that many entries, synced. Returns the segment; a failure leaves nothing behind.
   *
   * @throws {JournalFullError} If the disk is full.
   */
  append(bytes: Uint8Array, count: number, time: number): Promise<Segment>;
  /** Removes the oldest segment. */
  removeFirst(): Promise<void>;
}

/** Options of {@linkcode openSegments}. */
export interface SegmentsOptions {
  directory: string;
  /** Recovered segments, oldest first. */
  recovered: readonly Segment[];
  /** Number of the first entry to append. */
  next: number;
  /** Size at which a segment is sealed, in bytes. */
  sealBytes: number;
}

/** Continues after the recovered segments with a new one. */
export function openSegments({ directory, recovered, next, sealBytes }: SegmentsOptions): Segments {
  const all: Segment[] = [...recovered];
  let open: Deno.FsFile | undefined;

  const sum = (value: (segment: Segment) => number) => all.reduce((total, each) => total + value(each), 0);

  function seal(): void {
    open?.close();
    open = undefined;
  }

  async function begin(time: number): Promise<Deno.FsFile> {
    const path = join(directory, segmentName(next));
    const file = await Deno.open(path, { create: true, truncate: true, write: true, mode: 0o600 });
    try {
      await writeAll(file, segmentHeader());
      await file.syncData();
      await syncDirectory(directory);
    } catch (error) {
      file.close();
      await Deno.remove(path).catch(() => {});
      throw error;
    }
    const size = SEGMENT_HEADER_BYTES;
    all.push({ path, last: next - 1, size, entries: 0, records: 0, readFrom: size, time });
    return file;
  }

  /**
   * After a failed sync the end of a file is unknown: it is cut at the last sound place, and not written to any more.
   */
  async function abandon(count: number): Promise<void> {
    if (open === undefined) return;
    const { size, path } = all.at(-1)!;
    try {
      await open.truncate(size);
      // Until it is synced, a power cut may undo it.
      await open.syncData();
    } catch {
      // Entries that remain there, or come back, have the next numbers.
      await skipNumbers(directory, { from: next, to: next + count - 1 });
      next += count;
    }
    seal();
    if (size > SEGMENT_HEADER_BYTES) return;
    all.pop();
    await Deno.remove(path).catch(() => {});
  }

  return {
    all,
    get bytes() {
      return sum(({ size }) => size);
    },
    get unreadEntries() {
      return sum(({ entries }) => entries);
    },
    get unreadRecords() {
      return sum(({ records }) => records);
    },
    get next() {
      return next;
    },
    get unread() {
      return all.find(({ entries }) => entries > 0);
    },
    async append(bytes, count, time) {
      try {
        open ??= await begin(time);
        await writeAll(open, bytes);
        await open.syncData();
      } catch (error) {
        await abandon(count);
        if (isOutOfSpace(error)) throw new JournalFullError("the disk of the journal is full", { cause: error });
        throw error;
      }
      const segment = all.at(-1)!;
      segment.size += bytes.length;
      next += count;
      segment.last = next - 1;
      if (segment.size >= sealBytes) seal();
      return segment;
    },
    async removeFirst() {
      if (all.length === 1) seal();
      await Deno.remove(all[0].path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      all.shift();
    },
    [Symbol.dispose]: seal,
  };
}
