/**
 * The promise of the stream, and why it holds. Read this first.
 *
 * **The trouble.** Several lanes and processes commit at once. Neither the time of a bar, nor its time of receipt, nor the
 * number of its transaction says in which order commits became visible. So below any number that a reader has seen last, something
 * may be committed later. A reader that asks for "all above" would miss it, and one that asks for "all above,
 * less a margin" would see rows twice.
 *
 * **The cursor is a set of transactions.** PostgreSQL has a name for "all that was committed when I looked": a snapshot,
 * `xmin:xmax:unseen,unseen`. Of two snapshots of one server the earlier is a subset of the later. Each transaction that writes
 * bars notes their keys in `stream_log` beside its own number (see `src/sinks/postgres/log.ts`), in the same transaction, so
 * that a snapshot sees either both or neither. Hence, with the cursor S and a new snapshot N, what a reader lacks are the keys
 * of the transactions that N sees and S does not: no more, no less, however many ran at the same time. The reader gets the rows of
 * these keys as N sees them, and N is the next cursor.
 *
 * **In the middle.** A connection may end between two messages of one answer. So each message has a cursor (S, N, p): all that
 * S sees, and of what N sees besides, the entries of the log up to the place p. On return, with a snapshot M, the reader gets
 * 1. entries that N sees, behind p, unless their key stands in the log again in what M sees besides N: their row is a later
 *    one now, and comes with (2);
 * 2. entries that M sees and N does not: with the cursor (N, M, p').
 * A key that stands in a part several times is sent once, at its last place. So a version is sent at most once, and the newest
 * version of each key always is. Versions that were replaced before the reader could read them are skipped: the table keeps
 * one version of each bar.
 *
 * **History.** From a time on, the table is read in the order of (time, series). A cursor then also has the place u in that
 * order: all that S sees **of keys up to u** is seen. Each page takes a new snapshot N, and gets first what has changed since
 * S of keys up to u, as above, and then rows behind u as N sees them; the cursor is (N, u'). Where there are no rows behind u,
 * all that N sees is seen, and the reader continues with N alone. So history and the live stream have no seam.
 *
 * **Live.** `hub.ts` looks for all readers at once whenever a lane has committed, and each second for what other processes
 * commit; `session.ts` moves a reader from the database to the hub, and back where it is too slow.
 *
 * **Not promised.** Rows that others write without Barline, deletions and undone loads, and records other than bars are not in
 * the log. A cursor is refused where the log does not reach back to it, and in another database, or the same one after a
 * restore or a failover.
 *
 * @module
 */
import type { Client } from "pg";
import { literal, ms, type Names } from "../database/names.ts";
import { inTransaction } from "../database/transaction.ts";
import { type Cursor, type HistoryPlace, type LogPlace, parseSnapshot, type Snapshot } from "./cursor.ts";
import { type Filter, filterSql, filterValues } from "./filter.ts";

/** A stored bar. Times are in milliseconds since 1970. */
export interface StoredBar {
  readonly series: number;
  readonly tenant: string;
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly vwap: number | null;
  readonly trades: number | null;
  readonly status: "final" | "provisional" | "correction";
  readonly receivedAt: number;
}

/** A new or changed bar. */
export interface Change {
  readonly bar: StoredBar;
  readonly place: LogPlace;
  /** Whether the reader may have seen an earlier version. */
  readonly isCorrection: boolean;
  /** Whether {@linkcode Cursor.next} sees it: see (1) in the module's description. */
  readonly isEarly: boolean;
}

/** The database's identity, and its visible transactions. */
export interface Present {
  readonly database: string;
  readonly snapshot: Snapshot;
  /** The latest transaction deleted from the log. */
  readonly trimmed: bigint;
}

/** A cursor that cannot be continued. */
export class CursorError extends Error {
  override name = "CursorError";
}

const presentQuery = ({ of }: Names) =>
  `SELECT pg_current_snapshot()::text AS snapshot, pg_is_in_recovery() AS recovers,
  (SELECT t.trimmed::text FROM ${of("stream_trim")} t) AS trimmed,
  left(md5(concat_ws(' ', (SELECT d.id FROM ${of("barline_destination")} d),
    (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()), ${literal(of("bar"))}::regclass::oid,
    CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END)), 8) AS database`;

/** Runs `fn` in one snapshot. */
export async function inSnapshot<T>(
  client: Client,
  names: Names,
  fn: (present: Present) => Promise<T>,
): Promise<T> {
  return await inTransaction(client, async () => {
    const { rows: [{ snapshot, trimmed, database, recovers }] } = await client.query(presentQuery(names));
    if (recovers) {
      throw new CursorError(
        "Cannot stream from a standby, whose snapshots lack the running transactions: connect to the primary",
      );
    }
    return await fn({ database, snapshot: parseSnapshot(snapshot)!, trimmed: BigInt(trimmed) });
  }, "snapshot");
}

/**
 * Refuses a cursor that cannot be continued.
 *
 * @throws {CursorError} If it belongs to another database, or the log does not reach back to it.
 */
export function checkCursor({ database, seen, next }: Cursor, present: Present): void {
  if (database !== present.database || (next?.snapshot ?? seen).xmax > present.snapshot.xmax) {
    throw new CursorError(
      "Cannot continue: the cursor is of another database, or of this one before a restore or a failover",
    );
  }
  if (present.trimmed >= seen.xmin) {
    throw new CursorError("Cannot continue: the cursor is older than the log. Ask with from=TIME instead");
  }
}

/** Columns of a {@linkcode StoredBar}, of `bar b` and `series_key s`. */
export const BAR_COLUMNS = `s.id AS series, s.tenant, s.provider, s.symbol, s.timeframe, ${
  ms("b.ts")
} AS ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
  CASE WHEN b.status IN ('f', 'h') THEN 'final' WHEN b.status = 'p' THEN 'provisional' ELSE 'correction' END AS status,
  ${ms("b.received_at")} AS "receivedAt"`;

// The subquery with OFFSET 0 looks up each row by its key: without it the server may read the whole table.
const changesQuery = ({ of }: Names) =>
  `WITH entry AS MATERIALIZED (
  SELECT r.series_id, k.time, l.xid, k.n, coalesce(r.is_new, true) AS is_new,
    pg_visible_in_snapshot(l.xid, $2::pg_snapshot) AS is_early
  FROM ${of("stream_log")} l, unnest(l.series, l.times, l.is_new, l.steps, l.counts, l.places) WITH ORDINALITY
      AS r (series_id, first, is_new, step, count, place, n),
    generate_series(0, coalesce(r.count, 1) - 1) AS g (at),
    LATERAL (SELECT r.first + g.at * coalesce(r.step, 0) AS time, coalesce(r.place, r.n) + g.at AS n) AS k
  WHERE l.kind = 'bar' AND l.xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(l.xid, $1::pg_snapshot)
    AND pg_visible_in_snapshot(l.xid, pg_current_snapshot())
    AND NOT (pg_visible_in_snapshot(l.xid, $2::pg_snapshot) AND (l.xid, k.n) <= ($3::xid8, $4::int8))
    AND ($5::int8 IS NULL OR (k.time, r.series_id) <= ($5::int8, $6::int4))
), last AS (
  SELECT DISTINCT ON (e.series_id, e.time) e.series_id, e.time, e.xid, e.n, e.is_early,
    bool_or(e.is_new) OVER (PARTITION BY e.series_id, e.time) AS is_new
  FROM entry e ORDER BY e.series_id, e.time, e.is_early, e.xid DESC, e.n DESC
)
SELECT ${BAR_COLUMNS}, e.xid::text AS xid, e.n::int4 AS n, e.is_early, e.is_new
FROM last e JOIN ${of("series_key")} s ON s.id = e.series_id CROSS JOIN LATERAL (
  SELECT r.* FROM ${of("bar")} r
  WHERE r.series_id = e.series_id AND r.ts = timestamptz 'epoch' + e.time * interval '1 microsecond' OFFSET 0
) AS b
WHERE ${filterSql(7)} ORDER BY e.is_early DESC, e.xid, e.n LIMIT $11`;

/** The first `limit` changes since a cursor, in a transaction of {@linkcode inSnapshot}. */
export async function readChanges(
  client: Client,
  names: Names,
  { seen, next, until }: Cursor,
  filter: Filter,
  limit: number,
): Promise<Change[]> {
  const { rows } = await client.query(changesQuery(names), [
    ...[seen.text, (next?.snapshot ?? seen).text, String(next?.place.xid ?? 0), next?.place.n ?? 0],
    ...[until === undefined ? null : String(until.time), until?.series ?? null],
    ...[...filterValues(filter), limit],
  ]);
  return rows.map(({ xid, n, is_early, is_new, ...bar }): Change => ({
    bar,
    place: { xid: BigInt(xid), n },
    isCorrection: !is_new || bar.status === "correction",
    isEarly: is_early,
  }));
}

const historyQuery = ({ of }: Names) =>
  `SELECT ${BAR_COLUMNS}
FROM ${of("series_key")} s CROSS JOIN LATERAL (
  SELECT r.* FROM ${of("bar")} r WHERE r.series_id = s.id
    AND r.ts >= timestamptz 'epoch' + $5::int8 * interval '1 microsecond'
    AND r.ts < timestamptz 'epoch' + $6::int8 * interval '1 microsecond'
  ORDER BY r.ts LIMIT $8 + 1
) AS b
WHERE ${filterSql(1)} AND (b.ts > timestamptz 'epoch' + $5::int8 * interval '1 microsecond' OR s.id > $7)
ORDER BY b.ts, s.id LIMIT $8`;

/** The rows behind a place and before `end`, in microseconds. */
export async function readHistory(
  client: Client,
  names: Names,
  { time, series }: HistoryPlace,
  end: bigint,
  filter: Filter,
  limit: number,
): Promise<StoredBar[]> {
  const values = [...filterValues(filter), String(time), String(end), series, limit];
  return (await client.query(historyQuery(names), values)).rows;
}

const nextQuery = ({ of }: Names) =>
  `SELECT min(extract(epoch FROM b.ts) * 1000000)::int8::text AS time
FROM ${of("series_key")} s CROSS JOIN LATERAL (
  SELECT r.ts FROM ${of("bar")} r WHERE r.series_id = s.id AND r.ts < 'infinity'
    AND r.ts >= timestamptz 'epoch' + $5::int8 * interval '1 microsecond'
  ORDER BY r.ts LIMIT 1
) AS b
WHERE ${filterSql(1)}`;

/** The time of the first row from a time on, in microseconds; `undefined` without one. */
export async function readNextTime(
  client: Client,
  names: Names,
  from: bigint,
  filter: Filter,
): Promise<bigint | undefined> {
  const { rows: [{ time }] } = await client.query(nextQuery(names), [...filterValues(filter), String(from)]);
  return time === null ? undefined : BigInt(time);
}
