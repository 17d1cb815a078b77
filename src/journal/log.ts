/**
 * An append-only log of messages on disk: appended and synced in groups, read back in order, and removed when settled.
 *
 * `progress.ts` has the state of the entries, `segments.ts` the files, `pointer.ts` the saved number up to which the
 * log is settled. Segments before it are removed after it has been saved.
 *
 * @module
 */
import { syncDirectory } from "../storage/durable_files.ts";
import { createEntryFormatter, type LogItem } from "./format.ts";
import { holdJournal } from "./hold.ts";
import { countMissing, type Missing } from "./missing.ts";
import { openPointer } from "./pointer.ts";
import { createProgress } from "./progress.ts";
import { recover, type Segment } from "./recover.ts";
import { type Repair, setAside } from "./repair.ts";
import { createSegmentScan } from "./scan.ts";
import { openSegments } from "./segments.ts";
import { writeSetAside } from "./set_aside.ts";
import { createRoomCheck, isFileTooLarge, JournalFullError } from "./space.ts";

/** An entry in flight. */
export interface LogEntry {
  readonly number: number;
  /** When it was written, in epoch milliseconds. */
  readonly time: number;
  readonly records: number;
  /** Whether an earlier process wrote it. */
  readonly isRecovered: boolean;
  /** Whether it is still in the log: {@linkcode JournalLog.dropOldest} also removes entries in flight. */
  isOnDisk(): boolean;
  /** Marks it as settled, so that it need not be kept. */
  settle(): void;
}

/** Counts of a log. */
export interface LogStatus {
  /** Size of all segments. */
  readonly bytes: number;
  /** Number of unsettled entries. */
  readonly entries: number;
  readonly unreadEntries: number;
  readonly unreadRecords: number;
  /** When the oldest unsettled entry was written, in epoch milliseconds; may be a little early. */
  readonly oldest: number | undefined;
  /** Number of the oldest unsettled entry: all earlier entries are settled. */
  readonly frontier: number;
  /** Number of the newest appended entry; 0 before the first. */
  readonly newest: number;
}

/** See the module's description. */
export interface JournalLog extends AsyncDisposable {
  readonly status: LogStatus;
  /** Repairs at its opening: damaged bytes cut or set aside. */
  readonly repairs: readonly Repair[];
  /** Entries that were in no segment at its opening. */
  readonly missing: readonly Missing[];
  /** Names of the kinds of records that earlier processes have left in it. */
  readonly kinds: ReadonlySet<string>;
  /** Number of entries lost by either. */
  readonly cut: number;
  /**
   * Appends all items or none; they are safe when it resolves. If nothing is unread, `takes` decides whether the caller
   * takes the entries at once, so that they are in flight; otherwise they are unread. Returns the problem if they could
   * not be appended.
   */
  append(items: readonly LogItem[], takes: () => boolean): Promise<Appended>;
  /** Reads the next entry, with its message; `undefined` when nothing is unread. One call at a time. */
  read(): Promise<{ entry: LogEntry; message: Uint8Array } | undefined>;
  /**
   * Makes room by removing the oldest segment with all its entries. Returns the number of its unread records,
   * `undefined` without a segment, or if it cannot be removed.
   */
  dropOldest(): Promise<number | undefined>;
  /** Keeps the message of an entry that this program cannot read in a file, with a warning. */
  setAside(entry: LogEntry, message: Uint8Array, why: string): Promise<void>;
}

/** The result of appending. `isFull` distinguishes a lack of room from other reasons. */
export type Appended = { readonly entries: readonly LogEntry[] } | {
  readonly refused: string;
  readonly isFull: boolean;
};

/** Options of {@linkcode openLog}. */
export interface LogOptions {
  directory: string;
  maxBytes: number;
  /** Size at which a new segment begins, in bytes. @default {a sixteenth of maxBytes, 64 KiB to 64 MiB} */
  segmentBytes?: number;
  /** Called with warnings for people. */
  warn: (message: string) => void;
  /** Called with the number of unread records found missing while reading. */
  onLost: (records: number) => void;
}

/** How long settlements gather before the pointer is saved, in milliseconds. */
const RECLAIM_AFTER_MS = 1000;

/**
 * Opens the log of a directory for this process alone, and repairs it.
 *
 * @throws {Error} If another process has it open, or it cannot be written to.
 */
export async function openLog(options: LogOptions): Promise<JournalLog> {
  const { directory, maxBytes, warn } = options;
  await using opened = new AsyncDisposableStack();
  opened.use(await holdJournal(directory));
  const pointer = opened.use(await openPointer(directory));
  const { segments: recovered, repairs, missing, kinds } = await recover(directory, pointer.saved, warn);
  const recoveredUpTo = recovered.at(-1)?.last ?? 0;
  const segments = opened.use(openSegments({
    directory,
    recovered,
    next: Math.max(pointer.saved, recoveredUpTo + 1),
    sealBytes: options.segmentBytes ?? Math.min(64 << 20, Math.max(64 << 10, maxBytes / 16)),
  }));
  const progress = createProgress(pointer.saved, reclaimSoon);
  let newest = recoveredUpTo;
  const checkRoom = createRoomCheck(directory, maxBytes);
  const scan = createSegmentScan();
  opened.defer(() => scan.end());
  const formatEntries = createEntryFormatter();
  let turn: Promise<unknown> = Promise.resolve();
  let reclaiming: ReturnType<typeof setTimeout> | undefined;

  const inTurn = <T>(fn: () => Promise<T>): Promise<T> => {
    const result = turn.then(fn);
    turn = result.catch(() => {});
    return result;
  };

  function take(number: number, time: number, records: number): LogEntry {
    return {
      number,
      time,
      records,
      isRecovered: number <= recoveredUpTo,
      isOnDisk: () => number >= pointer.saved,
      settle: progress.take(number, time),
    };
  }

  function reclaimSoon(): void {
    reclaiming ??= setTimeout(() => {
      reclaiming = undefined;
      // An unsaved pointer is saved the next time; otherwise the next process reads the entries once more.
      inTurn(reclaim).catch((error) => warn(`Cannot save how far the journal is settled: ${error.message}`));
    }, RECLAIM_AFTER_MS);
  }

  /** Saves the pointer, and removes settled segments. */
  async function reclaim(): Promise<void> {
    const { frontier } = progress;
    if (frontier > pointer.saved) await pointer.save(frontier);
    let isRemoved = false;
    while (segments.all.length > 0 && segments.all[0].last < frontier && segments.all[0].entries === 0) {
      await removeFirst();
      isRemoved = true;
    }
    if (isRemoved) await syncDirectory(directory);
  }

  async function removeFirst(): Promise<void> {
    scan.end(segments.all[0].path);
    await segments.removeFirst();
  }

  /** Ensures room for that many bytes: settled segments are otherwise removed with a delay. */
  async function makeRoom(bytes: number): Promise<void> {
    await checkRoom(segments.bytes, bytes).catch(async () => {
      await reclaim();
      await checkRoom(segments.bytes, bytes);
    });
  }

  async function append(items: readonly LogItem[], takes: () => boolean, isAgain = false): Promise<Appended> {
    const time = Date.now();
    let segment: Segment;
    try {
      const bytes = formatEntries(items, segments.next, time);
      await makeRoom(bytes.length);
      segment = await segments.append(bytes, items.length, time);
    } catch (error) {
      // If a file may not grow any more, a new one may.
      if (isFileTooLarge((error as Error).cause) && !isAgain) return await append(items, takes, true);
      return { refused: describe(error), isFull: error instanceof JournalFullError };
    }
    // From here on everything happens synchronously, so that no reader interferes.
    newest = segment.last;
    if (segments.unread === undefined && takes()) {
      segment.readFrom = segment.size;
      const first = segment.last - items.length + 1;
      return { entries: items.map(({ records }, place) => take(first + place, time, records)) };
    }
    segment.entries += items.length;
    for (const { records } of items) segment.records += records;
    return { entries: [] };
  }

  /** Gives up unread entries that are missing in a segment. */
  function lose(segment: Segment): void {
    const { entries, records, path } = segment;
    segment.entries = segment.records = 0;
    progress.skip(segment.last);
    warn(`${entries} entries with ${records} records are gone from "${path}"`);
    options.onLost(records);
  }

  async function read(): Promise<{ entry: LogEntry; message: Uint8Array } | undefined> {
    while (true) {
      const segment = segments.unread;
      if (segment === undefined) return undefined;
      try {
        const scanner = await scan.of(segment.path, segment.readFrom);
        const found = await scanner.next(segment.size);
        if (segment.entries === 0) continue;
        if (found === undefined) {
          lose(segment);
        } else if ("damage" in found) {
          const done = await setAside({ path: segment.path, ...found }).catch((error) => `lost: ${error.message}`);
          warn(`${found.size} bytes of "${segment.path}" cannot be read, as ${found.damage}; ${done}`);
        } else if (found.number >= pointer.saved && found.number > progress.taken) {
          segment.readFrom = scanner.at;
          segment.entries--;
          segment.records -= found.records;
          return { entry: take(found.number, found.time, found.records), message: found.message };
        }
      } catch (error) {
        // It has been removed meanwhile.
        if (segment.entries === 0) continue;
        warn(`Cannot read "${segment.path}": ${(error as Error).message}`);
        lose(segment);
      }
    }
  }

  async function dropOldest(): Promise<number | undefined> {
    const [oldest] = segments.all;
    if (oldest === undefined) return undefined;
    const { records, last } = oldest;
    if (last >= pointer.saved) await pointer.save(last + 1);
    oldest.entries = oldest.records = 0;
    progress.skip(last);
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
      const { bytes, unreadEntries, unreadRecords } = segments;
      const oldest = progress.oldest ?? segments.unread?.time;
      const entries = unreadEntries + progress.inFlight;
      return { bytes, entries, unreadEntries, unreadRecords, oldest, frontier: progress.frontier, newest };
    },
    append: (items, takes) => inTurn(() => append(items, takes)),
    read,
    dropOldest: () =>
      inTurn(dropOldest).catch((error) => void warn(`Cannot give up the oldest records: ${error.message}`)),
    async setAside({ number, records }, message, why) {
      const kept = await writeSetAside(directory, number, message).catch(describe);
      warn(`Entry ${number} of the journal with ${records} records cannot be used, as ${why}: ${kept}`);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(reclaiming);
      try {
        await inTurn(reclaim);
      } finally {
        await closing.disposeAsync();
      }
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
