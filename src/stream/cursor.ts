/**
 * Cursors: the part of the stream that a reader has seen. `changes.ts` explains why they are sets of transactions.
 *
 * @module
 */

/**
 * The set of transactions that a snapshot of PostgreSQL sees. All snapshots of one server are a chain, each a subset of
 * the later ones.
 */
export interface Snapshot {
  /** The notation of `pg_snapshot`. */
  readonly text: string;
  /** All earlier transactions are seen. */
  readonly xmin: bigint;
  /** No transaction from here on is seen. */
  readonly xmax: bigint;
  /** Transactions in between that are not seen. */
  readonly unseen: ReadonlySet<bigint>;
}

/** A place in the log: the transaction, and the number of the key in it, from 1. */
export interface LogPlace {
  readonly xid: bigint;
  readonly n: number;
}

/** A place in history: a time in microseconds since 1970, and a series. Rows are in this order. */
export interface HistoryPlace {
  readonly time: bigint;
  readonly series: number;
}

/**
 * The seen part of the stream: everything that `seen` sees, and of the further transactions of `next` the entries of
 * the log up to `place`. With `until`, only keys up to there count: the rest is history still to come.
 */
export interface Cursor {
  /** Name of the database and its history. */
  readonly database: string;
  readonly seen: Snapshot;
  readonly next?: { readonly snapshot: Snapshot; readonly place: LogPlace };
  readonly until?: HistoryPlace;
}

/** First part of each cursor; another format has another. */
const VERSION = "1";

/** Reads a snapshot; `undefined` for another text. */
export function parseSnapshot(text: string): Snapshot | undefined {
  const parts = /^(\d{1,20}):(\d{1,20}):((?:\d{1,20})(?:,\d{1,20})*)?$/.exec(text);
  if (parts === null) return undefined;
  const [, xmin, xmax, unseen] = parts;
  return { text, xmin: BigInt(xmin), xmax: BigInt(xmax), unseen: new Set(unseen?.split(",").map(BigInt)) };
}

/** Whether a snapshot sees a transaction. */
export const sees = ({ xmin, xmax, unseen }: Snapshot, xid: bigint): boolean =>
  xid < xmin || xid < xmax && !unseen.has(xid);

/** The later of two snapshots of one server. */
export function laterOf(one: Snapshot, other: Snapshot): Snapshot {
  if (one.xmax !== other.xmax) return one.xmax > other.xmax ? one : other;
  return one.unseen.size <= other.unseen.size ? one : other;
}

/** Writes a cursor, an opaque text for clients. */
export function formatCursor({ database, seen, next, until }: Cursor): string {
  return [
    VERSION,
    database,
    seen.text,
    next === undefined ? "" : `${next.snapshot.text}.${next.place.xid}.${next.place.n}`,
    until === undefined ? "" : `${until.time}.${until.series}`,
  ].join("~").replace(/~+$/, "");
}

/** Reads a cursor; `undefined` for another text. */
export function parseCursor(text: string): Cursor | undefined {
  const [version, database, seenText, nextText = "", untilText = "", ...rest] = text.split("~");
  if (version !== VERSION || !/^[0-9a-f]{8}$/.test(database ?? "") || rest.length > 0) return undefined;
  const seen = parseSnapshot(seenText ?? "");
  const next = nextText === "" ? undefined : parseNext(nextText);
  const until = untilText === "" ? undefined : parseUntil(untilText);
  if (seen === undefined || next === null || until === null) return undefined;
  return { database, seen, ...(next && { next }), ...(until && { until }) };
}

function parseNext(text: string): Cursor["next"] | null {
  const [, snapshotText, xid, n] = /^([\d:,]+)\.(\d{1,20})\.(\d{1,9})$/.exec(text) ?? [];
  const snapshot = parseSnapshot(snapshotText ?? "");
  return snapshot === undefined ? null : { snapshot, place: { xid: BigInt(xid), n: Number(n) } };
}

function parseUntil(text: string): HistoryPlace | null {
  const [, time, series] = /^(-?\d{1,18})\.(-?\d{1,10})$/.exec(text) ?? [];
  return time === undefined ? null : { time: BigInt(time), series: Number(series) };
}
