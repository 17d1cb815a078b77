/**
 * Reads the stream from the database, page by page.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "../database/names.ts";
import {
  type Change,
  checkCursor,
  inSnapshot,
  readChanges,
  readHistory,
  readNextTime,
  type StoredBar,
} from "./changes.ts";
import type { Cursor, HistoryPlace } from "./cursor.ts";
import type { Filter } from "./filter.ts";

/** Runs a piece of work with a lent connection. */
export type Borrow = <T>(work: (client: Client, names: Names) => Promise<T>, signal: AbortSignal) => Promise<T>;

/** A bar for a reader, with the cursor after it. */
export interface Item {
  readonly bar: StoredBar;
  readonly cursor: Cursor;
  readonly isCorrection: boolean;
}

/** A page of the stream. */
export interface Page {
  readonly items: readonly Item[];
  /** The cursor after the page. */
  readonly cursor: Cursor;
  /** Whether it is the last page. */
  readonly isComplete: boolean;
}

/** Where a reader begins: after a cursor, or with rows from a time on, in milliseconds since 1970. */
export type Start = Cursor | { readonly fromMs: number };

/** Reads pages. */
export interface Source {
  /**
   * Reads the next page.
   *
   * @throws {CursorError} If the cursor cannot be continued.
   */
  read(from: Start, filter: Filter, signal: AbortSignal): Promise<Page>;
}

/** Most rows of a page. */
const PAGE_ROWS = 2000;
/** Bounds of the time range of history on a page, in microseconds. */
const MIN_WIDTH = 60_000_000n;
const MAX_WIDTH = 30n * 86_400_000_000n;

const isCursor = (start: Start): start is Cursor => "seen" in start;

/** Creates a source. */
export function createSource(borrow: Borrow): Source {
  return {
    read: (from, filter, signal) =>
      borrow((client, names) =>
        inSnapshot(client, names, async (present): Promise<Page> => {
          const { database, snapshot } = present;
          const until = isCursor(from) ? from.until : { time: BigInt(Math.round(from.fromMs * 1000)), series: -1 };
          if (isCursor(from)) {
            checkCursor(from, present);
            const changes = await readChanges(client, names, from, filter, PAGE_ROWS);
            const items = changes.map((change) => toItem(change, from, present.snapshot));
            if (changes.length === PAGE_ROWS) return { items, cursor: items.at(-1)!.cursor, isComplete: false };
            if (until === undefined) return { items, cursor: { database, seen: snapshot }, isComplete: true };
            if (items.length > 0) return { items, cursor: { database, seen: snapshot, until }, isComplete: false };
          }
          const { rows, place } = await readSlice(client, names, until!, filter);
          const items = rows.map((bar): Item => ({
            bar,
            cursor: { database, seen: snapshot, until: placeOf(bar) },
            isCorrection: bar.status === "correction",
          }));
          const cursor = { database, seen: snapshot, ...(place && { until: place }) };
          return { items, cursor, isComplete: place === undefined };
        }), signal),
  };
}

/** The place of a row in history. */
const placeOf = ({ ts, series }: StoredBar): HistoryPlace => ({ time: BigInt(Math.round(ts * 1000)), series });

/** A change with its cursor; `now` is the present snapshot. */
export function toItem({ bar, place, isCorrection, isEarly }: Change, from: Cursor, now: Cursor["seen"]): Item {
  const { database, seen, next, until } = from;
  const early = next?.snapshot ?? seen;
  const cursor: Cursor = isEarly
    ? { database, seen, next: { snapshot: early, place }, ...(until && { until }) }
    : { database, seen: early, next: { snapshot: now, place }, ...(until && { until }) };
  return { bar, cursor, isCorrection };
}

/**
 * Rows behind a place, and the place behind them; without one where there are no more. Looks at as short a time as fills a
 * page, since the server sorts what lies in it.
 */
async function readSlice(
  client: Client,
  names: Names,
  from: HistoryPlace,
  filter: Filter,
): Promise<{ rows: StoredBar[]; place?: HistoryPlace }> {
  let place = from;
  for (let width = MIN_WIDTH;; width = width * 4n < MAX_WIDTH ? width * 4n : MAX_WIDTH) {
    const end = place.time + width;
    const rows = await readHistory(client, names, place, end, filter, PAGE_ROWS);
    if (rows.length === PAGE_ROWS) return { rows, place: placeOf(rows.at(-1)!) };
    place = { time: end, series: -1 };
    if (rows.length > 0) return { rows, place };
    const next = await readNextTime(client, names, end, filter);
    if (next === undefined) return { rows };
    place = { time: next, series: -1 };
  }
}
