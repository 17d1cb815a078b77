/**
 * Reads the log for all readers of a process at once, and gives each its requested part.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createCondition } from "../condition.ts";
import { inSnapshot, readChanges } from "./changes.ts";
import type { Cursor } from "./cursor.ts";
import { createFeed, type Feed, type FilledFeed } from "./feed.ts";
import { type Filter, matches } from "./filter.ts";
import { type Borrow, type Item, toItem } from "./source.ts";

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

/** Creates a hub. It looks only while there are readers. */
export function createHub({ borrow, warn, onLook }: HubOptions): Hub {
  const readers = new Set<FilledFeed>();
  const bySymbol = new Map<string, Set<FilledFeed>>();
  const ofAll = new Set<FilledFeed>();
  const stop = new AbortController();
  const commits = createCondition();
  /** Number of commits before the last look. */
  let looked = 0;
  let cursor: Cursor | undefined;
  let running: Promise<void> | undefined;
  /** Callers that wait for a look that begins after they came. */
  let waiting: (() => void)[] = [];
  let isBroken = false;

  const pause = (ms: number) => delay(ms, { signal: stop.signal }).catch(() => {});

  /** All requested symbols; `undefined` means every symbol. */
  const allFilters = (): Filter => ofAll.size > 0 ? {} : { symbols: new Set(bySymbol.keys()) };

  async function look(): Promise<void> {
    const started = performance.now();
    const filter = allFilters();
    for (const reader of readers) reader.cover();
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
          const found = changes.map((change) => toItem(change, before, snapshot));
          const isWhole = changes.length < LOOK_ROWS;
          return { found, next: isWhole ? { database, seen: snapshot } : found.at(-1)!.cursor };
        }),
      signal,
    );
    cursor = next;
    if (next.next !== undefined) commits.notify();
    hand(found, next);
    const last = found.at(-1);
    if (last === undefined) return;
    onLook?.(found.length, (performance.now() - started) / 1000, last.bar.receivedAt);
  }

  /** Gives each reader its part, in order. */
  function hand(found: readonly Item[], behind: Cursor): void {
    const parts = new Map<FilledFeed, Item[]>();
    for (const item of found) {
      for (const reader of [...bySymbol.get(item.bar.symbol) ?? [], ...ofAll]) {
        if (!matches(reader.filter, item.bar)) continue;
        const part = parts.get(reader);
        if (part === undefined) parts.set(reader, [item]);
        else part.push(item);
      }
    }
    for (const reader of readers) reader.take(parts.get(reader) ?? [], behind);
  }

  async function run(): Promise<void> {
    while (readers.size + waiting.length > 0 && !stop.signal.aborted) {
      if (isBroken) await pause(EVERY_MS);
      else await commits.changed(stop.signal, looked, EVERY_MS);
      await pause(GATHER_MS);
      looked = commits.changes;
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

  function enter(reader: FilledFeed): void {
    readers.add(reader);
    if (reader.filter.symbols === undefined) ofAll.add(reader);
    for (const symbol of reader.filter.symbols ?? []) {
      const of = bySymbol.get(symbol);
      if (of === undefined) bySymbol.set(symbol, new Set([reader]));
      else of.add(reader);
    }
  }

  function leave(reader: FilledFeed): void {
    readers.delete(reader);
    ofAll.delete(reader);
    for (const symbol of reader.filter.symbols ?? []) {
      const of = bySymbol.get(symbol);
      of?.delete(reader);
      if (of?.size === 0) bySymbol.delete(symbol);
    }
  }

  return {
    wake: commits.notify,
    get cursor() {
      return cursor;
    },
    async attach(filter, signal) {
      const reader = createFeed(filter, leave);
      enter(reader);
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
        commits.notify();
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
