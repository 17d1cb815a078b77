/**
 * The stream of one reader: history or missed bars from the database, then the live stream, without a seam.
 *
 * A reader is in one of these states:
 * - `reading`: it reads pages of the database, at its own pace. After the last page it joins the hub.
 * - `joining`: the hub fills its buffer, and it reads the commits made meanwhile.
 * - `live`: it empties its buffer. If that is full, it was too slow, and is `reading` again.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Hub } from "./hub.ts";
import type { Filter } from "./filter.ts";
import type { Cursor } from "./cursor.ts";
import type { Item, Source, Start } from "./source.ts";

/** An event for a reader. */
export type StreamEvent =
  | { readonly type: "bars"; readonly items: readonly Item[] }
  /** From here on the reader gets each commit soon. */
  | { readonly type: "live"; readonly cursor: Cursor }
  /** The reader was too slow, and is served from the database until it has caught up. */
  | { readonly type: "behind"; readonly cursor: Cursor }
  /** Nothing has come for a while. */
  | { readonly type: "heartbeat"; readonly cursor: Cursor };

/** Options of {@linkcode openSession}. */
export interface SessionOptions {
  readonly hub: Hub;
  readonly source: Source;
  readonly filter: Filter;
  /** Absent to begin now. */
  readonly start?: Start | undefined;
  /** Playback speed of history as a multiple of real time. @default {the speed of the reader} */
  readonly speed?: number | undefined;
  /** Longest silence. @default {15_000} */
  readonly heartbeatMs?: number;
  readonly signal: AbortSignal;
}

/** Most bars of one event, so that a reader that is cut off repeats few. */
const MOST = 500;

/**
 * Opens a session; it ends when `signal` aborts.
 *
 * @throws {CursorError} If the start cannot be continued.
 * @throws {Error} If the database is unreachable, or the hub ends.
 */
export async function* openSession(options: SessionOptions): AsyncGenerator<StreamEvent, void> {
  const { hub, source, filter, speed, heartbeatMs = 15_000, signal } = options;
  let at = options.start;
  const paced = speed === undefined ? undefined : createPace(speed, signal);

  /** Reads pages until the last. */
  async function* read(): AsyncGenerator<StreamEvent, void> {
    while (at !== undefined && !signal.aborted) {
      const { items, cursor, isComplete } = await source.read(at, filter, signal);
      const isHistory = "until" in at || "fromMs" in at;
      for (const part of paced !== undefined && isHistory ? byTime(items) : cut(items)) {
        if (paced !== undefined && isHistory) await paced(part[0].bar.ts);
        if (signal.aborted) return;
        yield { type: "bars", items: part };
        at = part.at(-1)!.cursor;
      }
      at = cursor;
      if (isComplete) return;
    }
  }

  while (!signal.aborted) {
    yield* read();
    if (signal.aborted) return;
    using feed = await hub.attach(filter, signal);
    if (at !== undefined) {
      yield* read();
      feed.startAfter(at as Cursor);
    }
    let isLive = false;
    while (!signal.aborted) {
      const heard = await feed.next(heartbeatMs, signal);
      if (heard === undefined) {
        if (at !== undefined && !signal.aborted) yield { type: "heartbeat", cursor: at as Cursor };
        continue;
      }
      if (heard.type === "broken") throw heard.error;
      if (heard.type === "overflow") {
        if (isLive) yield { type: "behind", cursor: at as Cursor };
        break;
      }
      for (const part of cut(heard.items)) {
        yield { type: "bars", items: part };
        at = part.at(-1)!.cursor;
      }
      at = heard.cursor;
      if (!isLive) yield { type: "live", cursor: heard.cursor };
      isLive = true;
    }
  }
}

function* cut(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += MOST) yield items.slice(from, from + MOST);
}

/** Splits items by time; items of a page of history are in order of time. */
function* byTime(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0, to = 0; from < items.length; from = to) {
    while (to < items.length && items[to].bar.ts === items[from].bar.ts) to++;
    yield items.slice(from, to);
  }
}

/** Creates a wait for the moment of a time of history; the first has none. */
function createPace(speed: number, signal: AbortSignal): (ts: number) => Promise<void> {
  let first: { ts: number; at: number } | undefined;
  return async (ts) => {
    first ??= { ts, at: performance.now() };
    const ms = first.at + (ts - first.ts) / speed - performance.now();
    if (ms > 0) await delay(Math.min(ms, 2 ** 31 - 1), { signal }).catch(() => {});
  };
}
