/**
 * The buffer of a reader of the stream, between the hub and its connection.
 *
 * @module
 */
import { createCondition } from "../condition.ts";
import { type Cursor, laterOf, sees, type Snapshot } from "./cursor.ts";
import type { Filter } from "./filter.ts";
import type { Item } from "./source.ts";

/** Bars that may wait for a reader; one with more is served from the database. */
const MAX_WAITING = 10_000;

/** Content of a reader's buffer: bars, or the notice that it was too slow or the stream has broken. */
export type Heard =
  | { readonly type: "bars"; readonly items: readonly Item[]; readonly cursor: Cursor }
  | { readonly type: "overflow" }
  | { readonly type: "broken"; readonly error: unknown };

/** The reader's side of its buffer; disposing of it ends it. */
export interface Feed extends Disposable {
  /** Leaves out, from here on, everything that the cursor has seen, which the reader got elsewhere. */
  startAfter(cursor: Cursor): void;
  /** Waits for news at most that long; `undefined` without any. */
  next(waitMs: number, signal: AbortSignal): Promise<Heard | undefined>;
}

/** The hub's side of a buffer. */
export interface FilledFeed extends Feed {
  readonly filter: Filter;
  /** Notes that the look that begins now covers the filter. */
  cover(): void;
  /** Adds the results of a look, and the cursor behind it. */
  take(items: readonly Item[], behind: Cursor): void;
  /** Ends the stream of the reader. */
  fail(error: unknown): void;
}

/** Creates an empty buffer. `onEnd` is called when it takes nothing more. */
export function createFeed(filter: Filter, onEnd: (feed: FilledFeed) => void): FilledFeed {
  const arrival = createCondition();
  let queue: Heard[] = [];
  let waiting = 0;
  /** The snapshot up to which the reader has bars from the database; absent once no look finds any of them. */
  let since: Snapshot | undefined;
  let isCovered = false;
  let isOver = false;

  function end(): void {
    isOver = true;
    onEnd(feed);
  }

  /** Drops the waiting bars: the reader gets them from the database. */
  function endWith(why: Heard): void {
    queue = [why];
    end();
    arrival.notify();
  }

  /**
   * Leaves out the bars that the reader has from the database. While its own snapshot is later than the one before the
   * look, cursors start from it: otherwise they would lose what it has seen.
   */
  function leaveOutSeen(items: readonly Item[], behind: Cursor): Heard {
    const own = since;
    if (own === undefined) return { type: "bars", items, cursor: behind };
    const later = (cursor: Cursor): Cursor => ({ ...cursor, seen: laterOf(own, cursor.seen) });
    if (behind.next === undefined && laterOf(own, behind.seen) === behind.seen) since = undefined;
    const left = items.filter(({ cursor: { next } }) => !sees(own, next!.place.xid));
    return {
      type: "bars",
      items: left.map((item) => ({ ...item, cursor: later(item.cursor) })),
      cursor: later(behind),
    };
  }

  const feed: FilledFeed = {
    filter,
    startAfter: ({ seen }) => void (since = seen),
    cover: () => void (isCovered = true),
    take(items, behind) {
      if (isOver || !isCovered) return;
      const last = queue.at(-1);
      if (items.length === 0 && last?.type === "bars" && last.items.length === 0) queue.pop();
      waiting += items.length;
      if (waiting > MAX_WAITING) return endWith({ type: "overflow" });
      queue.push({ type: "bars", items, cursor: behind });
      arrival.notify();
    },
    fail(error) {
      if (!isOver) endWith({ type: "broken", error });
    },
    async next(waitMs, signal) {
      if (queue.length === 0) await arrival.changed(signal, undefined, waitMs);
      const heard = queue.shift();
      if (heard?.type !== "bars") return heard;
      waiting -= heard.items.length;
      return leaveOutSeen(heard.items, heard.cursor);
    },
    [Symbol.dispose]: end,
  };
  return feed;
}
