/**
 * Reads the log for all readers of a process at once, and gives each its requested part.
 *
 * @module
 */
import { type Change, inSnapshot, readChanges } from "./changes.ts";
import { type Cursor, laterOf, sees, type Snapshot } from "./cursor.ts";
import { type Filter, matches } from "./filter.ts";
import type { Borrow, Item } from "./source.ts";

/** Time between two looks without a commit of this process, in milliseconds: other processes commit too. */
const EVERY_MS = 1000;
/**
 * Time from the first commit until the look, in milliseconds: the commits of the top of a minute come together, and sending
 * must not keep the lanes from theirs.
 */
const GATHER_MS = 40;
/** Longest time of a look, in milliseconds. */
const LOOK_MS = 10_000;
/** Most bars of a look: the rest comes with the next one. */
const LOOK_ROWS = 5000;
/** Bars that may wait for a reader; one with more is served from the database. */
const MAX_WAITING = 10_000;

/** Content of a reader's buffer: bars, or the notice that it was too slow or the stream has broken. */
export type Heard =
  | { readonly type: "bars"; readonly items: readonly Item[]; readonly cursor: Cursor }
  | { readonly type: "overflow" }
  | { readonly type: "broken"; readonly error: unknown };

/** The buffer of a reader; disposing of it ends it. */
export interface Feed extends Disposable {
  /** Leaves out, from here on, everything that the cursor has seen, which the reader got elsewhere. */
  startAfter(cursor: Cursor): void;
  /** Waits for news at most that long; `undefined` without any. */
  next(waitMs: number, signal: AbortSignal): Promise<Heard | undefined>;
}

/** See the module's description; disposing of it ends all feeds. */
export interface Hub extends Disposable {
  /** Looks soon: something was committed. */
  wake(): void;
  /** Opens a feed, once the hub reads everything that the filter lets through. */
  attach(filter: Filter, signal: AbortSignal): Promise<Feed>;
  /** The cursor of the last look. */
  readonly cursor: Cursor | undefined;
}

/** Options of {@linkcode createHub}. */
export interface HubOptions {
  readonly borrow: Borrow;
  readonly warn: (message: string) => void;
  /** Called after a look that found bars, with their number, the seconds it took and the last one's time of receipt. */
  readonly onLook?: (bars: number, seconds: number, receivedAt: number) => void;
}

/** A change, shared by all readers. */
interface Found {
  readonly change: Change;
  readonly item: Item;
}

/** Creates a hub. It looks only while there are readers. */
export function createHub({ borrow, warn, onLook }: HubOptions): Hub {
  const readers = new Set<Reader>();
  const bySymbol = new Map<string, Set<Reader>>();
  const ofAll = new Set<Reader>();
  const stop = new AbortController();
  let cursor: Cursor | undefined;
  let isWoken = false;
  let wakeUp = () => {};
  let running: Promise<void> | undefined;
  /** Callers that wait for a look that begins after they came. */
  let waiting: (() => void)[] = [];
  let isBroken = false;

  /** All requested symbols; `undefined` means every symbol. */
  const allFilters = (): Filter => ofAll.size > 0 ? {} : { symbols: new Set(bySymbol.keys()) };

  async function look(): Promise<void> {
    const started = performance.now();
    const filter = allFilters();
    for (const reader of readers) reader.isAsked = true;
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS)]);
    const { found, next } = await borrow(
      (client, names) =>
        inSnapshot(client, names, async ({ database, snapshot }) => {
          if (cursor !== undefined && cursor.database !== database) {
            throw new Error("The database is another one than before");
          }
          const before = cursor ?? { database, seen: snapshot };
          if (cursor?.next === undefined && before.seen.text === snapshot.text) {
            return { found: [], next: before };
          }
          const changes = await readChanges(client, names, before, filter, LOOK_ROWS);
          const early = before.next?.snapshot ?? before.seen;
          const found = changes.map((change): Found => {
            const { bar, place, isCorrection, isEarly } = change;
            const next = { snapshot: isEarly ? early : snapshot, place };
            return {
              change,
              item: { bar, isCorrection, cursor: { database, seen: isEarly ? before.seen : early, next } },
            };
          });
          const isWhole = changes.length < LOOK_ROWS;
          return { found, next: isWhole ? { database, seen: snapshot } : found.at(-1)!.item.cursor };
        }),
      signal,
    );
    cursor = next;
    if (next.next !== undefined) isWoken = true;
    hand(found, next);
    const last = found.at(-1);
    if (last === undefined) return;
    onLook?.(found.length, (performance.now() - started) / 1000, last.change.bar.receivedAt);
  }

  /** Gives each reader its part, in order. */
  function hand(found: readonly Found[], behind: Cursor): void {
    const parts = new Map<Reader, Found[]>();
    for (const each of found) {
      const { bar } = each.change;
      for (const reader of [...bySymbol.get(bar.symbol) ?? [], ...ofAll]) {
        if (!matches(reader.filter, bar)) continue;
        const part = parts.get(reader);
        if (part === undefined) parts.set(reader, [each]);
        else part.push(each);
      }
    }
    for (const reader of readers) reader.take(parts.get(reader) ?? [], behind);
  }

  async function run(): Promise<void> {
    while (readers.size + waiting.length > 0 && !stop.signal.aborted) {
      if (!isWoken || isBroken) await pause(EVERY_MS, !isBroken);
      await pause(GATHER_MS);
      isWoken = false;
      const came = waiting;
      waiting = [];
      try {
        await look();
        isBroken = false;
      } catch (error) {
        if (stop.signal.aborted) break;
        if (!isBroken) warn(`The stream waits for the database: ${(error as Error).message}`);
        isBroken = true;
        // Readers that have read something return with their cursors, which are checked then.
        cursor = undefined;
        for (const reader of [...readers]) reader.fail(error);
      } finally {
        for (const go of came) go();
      }
    }
    cursor = undefined;
    running = undefined;
  }

  function pause(ms: number, mayWake = false): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        wakeUp = () => {};
        stop.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      stop.signal.addEventListener("abort", end, { once: true });
      if (stop.signal.aborted) end();
      if (mayWake) wakeUp = end;
    });
  }

  function wake(): void {
    isWoken = true;
    wakeUp();
  }

  function enter(reader: Reader): void {
    readers.add(reader);
    if (reader.filter.symbols === undefined) ofAll.add(reader);
    for (const symbol of reader.filter.symbols ?? []) {
      const of = bySymbol.get(symbol);
      if (of === undefined) bySymbol.set(symbol, new Set([reader]));
      else of.add(reader);
    }
  }

  function leave(reader: Reader): void {
    readers.delete(reader);
    ofAll.delete(reader);
    for (const symbol of reader.filter.symbols ?? []) {
      const of = bySymbol.get(symbol);
      of?.delete(reader);
      if (of?.size === 0) bySymbol.delete(symbol);
    }
  }

  return {
    wake,
    get cursor() {
      return cursor;
    },
    async attach(filter, signal) {
      const reader = new Reader(filter, leave);
      enter(reader);
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
        wake();
        running ??= run();
      });
      return reader;
    },
    [Symbol.dispose]() {
      stop.abort();
      for (const reader of [...readers]) reader.fail(new Error("The service is stopping"));
      for (const go of waiting.splice(0)) go();
    },
  };
}

/** A reader's buffer. */
class Reader implements Feed {
  #queue: Heard[] = [];
  #waiting = 0;
  #since: Snapshot | undefined;
  #isOver = false;
  #arrived = () => {};
  /** Whether the present or last look has covered this reader's filter. */
  isAsked = false;

  constructor(readonly filter: Filter, private readonly leave: (reader: Reader) => void) {}

  startAfter({ seen }: Cursor): void {
    this.#since = seen;
  }

  /** Adds the results of a look. */
  take(found: readonly Found[], behind: Cursor): void {
    if (this.#isOver || !this.isAsked) return;
    const last = this.#queue.at(-1);
    if (found.length === 0 && last?.type === "bars" && last.items.length === 0) this.#queue.pop();
    this.#waiting += found.length;
    if (this.#waiting > MAX_WAITING) return this.#end({ type: "overflow" });
    this.#queue.push({ type: "bars", items: found.map(({ item }) => item), cursor: behind });
    this.#arrived();
  }

  fail(error: unknown): void {
    if (!this.#isOver) this.#end({ type: "broken", error });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.leave(this);
  }

  /** Drops the waiting bars: the reader gets them from the database. */
  #end(why: Heard): void {
    this.#isOver = true;
    this.#queue = [why];
    this.leave(this);
    this.#arrived();
  }

  async next(waitMs: number, signal: AbortSignal): Promise<Heard | undefined> {
    if (this.#queue.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, waitMs);
        signal.addEventListener("abort", end, { once: true });
        this.#arrived = end;
      });
      this.#arrived = () => {};
    }
    const heard = this.#queue.shift();
    if (heard?.type !== "bars") return heard;
    this.#waiting -= heard.items.length;
    return this.#unseen(heard.items, heard.cursor);
  }

  /**
   * Leaves out the bars that the reader has from the database. While its own snapshot is later than the one before the
   * look, cursors start from it: otherwise they would lose what it has seen.
   */
  #unseen(items: readonly Item[], behind: Cursor): Heard {
    const since = this.#since;
    if (since === undefined) return { type: "bars", items, cursor: behind };
    const later = (cursor: Cursor): Cursor => ({ ...cursor, seen: laterOf(since, cursor.seen) });
    if (behind.next === undefined && laterOf(since, behind.seen) === behind.seen) this.#since = undefined;
    const left = items.filter(({ cursor: { next } }) => !sees(since, next!.place.xid));
    return {
      type: "bars",
      items: left.map((item) => ({ ...item, cursor: later(item.cursor) })),
      cursor: later(behind),
    };
  }
}
