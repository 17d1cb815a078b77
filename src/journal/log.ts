/**
 * An append-only log of messages on disk: appended and synced in groups, read back in order, and removed when settled.
 *
 * An entry is **unread** until it is read or handed over at its appending, then **under way** until it is settled. The
 * log is settled up to the first entry that is not; segments before that are removed, after the pointer has been saved.
 *
 * @module
 */
import { join } from "@std/path";
import { syncDirectory, writeAll } from "../durable_files.ts";
import { createEntryFormatter, type LogItem, SEGMENT_HEADER_BYTES, segmentHeader, segmentName } from "./format.ts";
import { holdJournal } from "./hold.ts";
import { countMissing, type Missing, skipNumbers } from "./missing.ts";
import { openPointer } from "./pointer.ts";
import { recover, type Segment } from "./recover.ts";
import { type Repair, setAside } from "./repair.ts";
import { createSegmentScan } from "./scan.ts";
import { writeSetAside } from "./set_aside.ts";
import { createRoomCheck, isFileTooLarge, isOutOfSpace, JournalFullError } from "./space.ts";

/** An entry that is under way. */
export interface LogEntry {
  readonly number: number;
  /** When it was written, in epoch milliseconds. */
  readonly time: number;
  readonly records: number;
  /** Whether it was there before this process. */
  readonly isRecovered: boolean;
  /** Whether it still is in the log: {@linkcode JournalLog.dropOldest} removes entries that are under way too. */
  isOnDisk(): boolean;
  /** Says that it need not be kept any longer. */
  settle(): void;
}

/** Counts of a log. */
export interface LogStatus {
  /** Size of all segments. */
  readonly bytes: number;
  /** Entries that are not settled. */
  readonly entries: number;
  readonly unreadEntries: number;
  readonly unreadRecords: number;
  /** When the oldest entry that is not settled was written, in epoch milliseconds; may be a little early. */
  readonly oldest: number | undefined;
}

/** See the module's description. */
export interface JournalLog extends AsyncDisposable {
  readonly status: LogStatus;
  /** What was cut or set aside when it was opened. */
  readonly repairs: readonly Repair[];
  /** Entries that were found to be in no segment then. */
  readonly missing: readonly Missing[];
  /** Names of the kinds of records that earlier processes have left in it. */
  readonly kinds: ReadonlySet<string>;
  /** How many entries are gone by either. */
  readonly cut: number;
  /**
   * Appends all items or none; they are safe when it resolves. Where nothing is unread, `takes` is asked then whether the
   * caller goes on with the entries itself: they are given to it, and are under way. Otherwise they are unread. Gives what
   * hindered it where it could not append.
   */
  append(items: readonly LogItem[], takes: () => boolean): Promise<Appended>;
  /** Reads the next entry, with its message; `undefined` when nothing is unread. One call at a time. */
  read(): Promise<{ entry: LogEntry; message: Uint8Array } | undefined>;
  /**
   * Makes room by removing the oldest segment, whatever is in it. Gives how many unread records that were, `undefined`
   * where there is no segment, or it cannot be removed.
   */
  dropOldest(): Promise<number | undefined>;
  /** Keeps the message of an entry that this program cannot read in a file, and tells so. */
  setAside(entry: LogEntry, message: Uint8Array, why: string): Promise<void>;
}

/** How an appending ended. `isFull` tells a lack of room from other hindrances. */
export type Appended = { readonly entries: readonly LogEntry[] } | {
  readonly refused: string;
  readonly isFull: boolean;
};

/** Options of {@linkcode openLog}. */
export interface LogOptions {
  directory: string;
  maxBytes: number;
  /** Size at which a new segment is begun, in bytes. @default {a sixteenth of maxBytes, 64 KiB to 64 MiB} */
  segmentBytes?: number;
  /** Told of what people should know. */
  notice: (message: string) => void;
  /** Told of unread records that are gone, found when they should be read. */
  onLost: (records: number) => void;
}

/** How long settlements are gathered before the pointer is saved, in milliseconds. */
const RECLAIM_AFTER_MS = 1000;

/**
 * Opens the log of a directory for this process alone, and repairs it.
 *
 * @throws {Error} If another process has it, or it cannot be written to.
 */
export async function openLog(options: LogOptions): Promise<JournalLog> {
  const { directory, maxBytes, notice } = options;
  const segmentBytes = options.segmentBytes ?? Math.min(64 << 20, Math.max(64 << 10, maxBytes / 16));
  await using opened = new AsyncDisposableStack();
  opened.use(await holdJournal(directory));
  const pointer = opened.use(await openPointer(directory));
  const { segments, repairs, missing, kinds } = await recover(directory, pointer.saved, notice);
  const checkRoom = createRoomCheck(directory, maxBytes);
  const recoveredUpTo = segments.at(-1)?.last ?? 0;
  const underWay: { number: number; time: number; isSettled: boolean }[] = [];
  let nextNumber = Math.max(pointer.saved, recoveredUpTo + 1);
  let handed = Math.max(0, pointer.saved - 1);
  let active: Deno.FsFile | undefined;
  const scan = createSegmentScan();
  const formatEntries = createEntryFormatter();
  let turn: Promise<unknown> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const sum = (value: (segment: Segment) => number) => segments.reduce((total, each) => total + value(each), 0);
  const inTurn = <T>(fn: () => Promise<T>): Promise<T> => {
    const result = turn.then(fn);
    turn = result.catch(() => {});
    return result;
  };

  function enter(number: number, time: number, records: number): LogEntry {
    const entry = { number, time, isSettled: false };
    underWay.push(entry);
    handed = number;
    return {
      number,
      time,
      records,
      isRecovered: number <= recoveredUpTo,
      isOnDisk: () => number >= pointer.saved,
      settle() {
        entry.isSettled = true;
        while (underWay[0]?.isSettled) underWay.shift();
        reclaimSoon();
      },
    };
  }

  function reclaimSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      // What cannot be saved now is saved the next time, or read once more by the next process.
      inTurn(reclaim).catch((error) => notice(`Cannot save how far the journal is settled: ${error.message}`));
    }, RECLAIM_AFTER_MS);
  }

  /** Saves the pointer, and removes the segments that are settled. */
  async function reclaim(): Promise<void> {
    const next = underWay[0]?.number ?? handed + 1;
    if (next > pointer.saved) await pointer.save(next);
    let isRemoved = false;
    while (segments.length > 0 && segments[0].last < next && segments[0].entries === 0) {
      await removeFirst();
      isRemoved = true;
    }
    if (isRemoved) await syncDirectory(directory);
  }

  async function removeFirst(): Promise<void> {
    const [segment] = segments;
    if (segments.length === 1) seal();
    scan.end(segment.path);
    await Deno.remove(segment.path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    segments.shift();
  }

  function seal(): void {
    active?.close();
    active = undefined;
  }

  async function beginSegment(time: number): Promise<Deno.FsFile> {
    const path = join(directory, segmentName(nextNumber));
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
    segments.push({ path, last: nextNumber - 1, size, entries: 0, records: 0, readFrom: size, time });
    return file;
  }

  /** Appends bytes of that many entries to the segment that is written, or to a new one; leaves nothing of them behind where it fails. */
  async function write(bytes: Uint8Array, count: number, time: number): Promise<Segment> {
    const held = () => sum(({ size }) => size);
    await checkRoom(held(), bytes.length).catch(async () => {
      // What is settled is removed at leisure otherwise.
      await reclaim();
      await checkRoom(held(), bytes.length);
    });
    try {
      active ??= await beginSegment(time);
      await writeAll(active, bytes);
      await active.syncData();
    } catch (error) {
      await abandonSegment(count);
      if (isOutOfSpace(error)) throw new JournalFullError("the disk of the journal is full", { cause: error });
      throw error;
    }
    return segments.at(-1)!;
  }

  /** After a failed sync nothing is known of a file's end: it is cut there, and not written to any more. */
  async function abandonSegment(count: number): Promise<void> {
    if (active === undefined) return;
    const { size, path } = segments.at(-1)!;
    try {
      await active.truncate(size);
      // A power cut may undo it until it is synced too.
      await active.syncData();
    } catch {
      // What lies there, or comes back, has the numbers that would come next.
      await skipNumbers(directory, { from: nextNumber, to: nextNumber + count - 1 });
      nextNumber += count;
    }
    seal();
    if (size > SEGMENT_HEADER_BYTES) return;
    segments.pop();
    await Deno.remove(path).catch(() => {});
  }

  async function append(items: readonly LogItem[], takes: () => boolean, isAgain = false): Promise<Appended> {
    const time = Date.now();
    const first = nextNumber;
    const bytes = formatEntries(items, first, time);
    let segment: Segment;
    try {
      segment = await write(bytes, items.length, time);
    } catch (error) {
      // A file that may not grow any more says nothing of the disk: the next one may.
      if (isFileTooLarge((error as Error).cause) && !isAgain) return await append(items, takes, true);
      return { refused: describe(error), isFull: error instanceof JournalFullError };
    }
    // From here on everything happens at once, so that no reader comes between.
    const isFirst = sum(({ entries }) => entries) === 0;
    segment.size += bytes.length;
    segment.last = first + items.length - 1;
    nextNumber += items.length;
    if (segment.size >= segmentBytes) seal();
    if (isFirst && takes()) {
      segment.readFrom = segment.size;
      return { entries: items.map(({ records }, place) => enter(first + place, time, records)) };
    }
    segment.entries += items.length;
    for (const { records } of items) segment.records += records;
    return { entries: [] };
  }

  /** Gives up what should be unread in a segment and is not there. */
  function lose(segment: Segment): void {
    const { entries, records, path } = segment;
    segment.entries = segment.records = 0;
    handed = Math.max(handed, segment.last);
    notice(`${entries} entries with ${records} records are gone from "${path}"`);
    options.onLost(records);
  }

  async function read(): Promise<{ entry: LogEntry; message: Uint8Array } | undefined> {
    while (true) {
      const segment = segments.find(({ entries }) => entries > 0);
      if (segment === undefined) return undefined;
      try {
        const scanner = await scan.of(segment.path, segment.readFrom);
        const found = await scanner.next(segment.size);
        if (segment.entries === 0) continue;
        if (found === undefined) {
          lose(segment);
        } else if ("damage" in found) {
          const done = await setAside({ path: segment.path, ...found }).catch((error) => `lost: ${error.message}`);
          notice(`${found.size} bytes of "${segment.path}" cannot be read, as ${found.damage}; ${done}`);
        } else if (found.number >= pointer.saved && found.number > handed) {
          segment.readFrom = scanner.at;
          segment.entries--;
          segment.records -= found.records;
          return { entry: enter(found.number, found.time, found.records), message: found.message };
        }
      } catch (error) {
        // It has been dropped meanwhile.
        if (segment.entries === 0) continue;
        notice(`Cannot read "${segment.path}": ${(error as Error).message}`);
        lose(segment);
      }
    }
  }

  async function dropOldest(): Promise<number | undefined> {
    if (segments.length === 0) return undefined;
    const { records, last } = segments[0];
    if (last >= pointer.saved) await pointer.save(last + 1);
    segments[0].entries = segments[0].records = 0;
    handed = Math.max(handed, last);
    await removeFirst();
    await syncDirectory(directory);
    return records;
  }

  const closing = opened.move();
  return {
    repairs,
    missing,
    kinds,
    cut: repairs.reduce((sum, { entries }) => sum + entries, countMissing(missing)),
    get status() {
      const unreadEntries = sum(({ entries }) => entries);
      const unread = segments.find(({ entries }) => entries > 0);
      return {
        bytes: sum(({ size }) => size),
        entries: unreadEntries + underWay.length,
        unreadEntries,
        unreadRecords: sum(({ records }) => records),
        oldest: underWay[0]?.time ?? unread?.time,
      };
    },
    append: (items, takes) => inTurn(() => append(items, takes)),
    read,
    dropOldest: () =>
      inTurn(dropOldest).catch((error) => void notice(`Cannot give up the oldest records: ${error.message}`)),
    async setAside({ number, records }, message, why) {
      const kept = await writeSetAside(directory, number, message).catch(describe);
      notice(`Entry ${number} of the journal with ${records} records cannot be used, as ${why}: ${kept}`);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      try {
        await inTurn(reclaim);
      } finally {
        seal();
        scan.end();
        await closing.disposeAsync();
      }
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
