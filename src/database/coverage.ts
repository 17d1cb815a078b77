/**
 * Coverage in the database, beside the bars.
 *
 * The server merges changes: it adds confirmed ranges to those of the row, and takes doubtful ones away. So independent
 * writers keep each other's changes.
 *
 * @module
 */
import type { Client } from "pg";
import type { Doubt } from "../coverage/coverage.ts";
import type { CoverageChange, CoverageStore, SeriesOwner, StoredStarts } from "../coverage/store.ts";
import type { Interval } from "../records/intervals.ts";
import { loadCoverage, type TenantOwner } from "./coverage_read.ts";
import { lookAgain, lookFirst, type Seen } from "./coverage_news.ts";
import { findDifference, readDestination } from "./destination.ts";
import { ms, type Names } from "./names.ts";
import { inTransaction } from "./transaction.ts";

/** Options of {@linkcode keepCoverageInDatabase}. */
export interface DatabaseCoverageOptions {
  readonly tenant: string;
  /** Stored with each change, for people. */
  readonly writer: string;
  /** Runs a piece of work on a connection, and aborts it with the signal. */
  readonly run: <T>(work: (client: Client, names: Names) => Promise<T>, signal?: AbortSignal) => Promise<T>;
}

/** Keeps the coverage of a tenant's series. */
export function keepCoverageInDatabase({ tenant, writer, run }: DatabaseCoverageOptions): CoverageStore {
  /** The state of each owner's series at the last look. */
  const seen = new Map<string, Seen>();
  const keyOf = ({ provider, timeframe }: SeriesOwner) => `${provider} ${timeframe}`;

  return {
    load: (owner, signal) =>
      run(async (client, names) => {
        seen.set(keyOf(owner), await lookFirst(client, names));
        return await loadCoverage(client, names, { tenant, ...owner });
      }, signal),
    news: (owner, signal) =>
      run(async (client, names) => {
        const before = seen.get(keyOf(owner));
        const { seen: now, news } = await lookAgain(client, names, { tenant, ...owner }, writer, before);
        seen.set(keyOf(owner), now);
        return news;
      }, signal),
    save: (owner, changes, signal) =>
      run((client, names) => {
        const options = { writer, seen: seen.get(keyOf(owner)) };
        return save(client, names, { tenant, ...owner }, changes, options);
      }, signal),
    starts: (owner, ranges, signal) =>
      run((client, names) => readStarts(client, names, { tenant, ...owner }, ranges), signal),
  };
}

/** A range of times in epoch ms. */
const range = (from: string, to: string) => `tstzrange(to_timestamp(${from} / 1000), to_timestamp(${to} / 1000))`;

const findQuery = ({ of }: Names) =>
  `SELECT s.symbol, s.id FROM ${of("series_key")} s
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND s.symbol = ANY ($4)`;
const addStatement = ({ of }: Names) =>
  `INSERT INTO ${of("series_key")} (tenant, provider, timeframe, symbol)
SELECT $1, $2, $3, new.symbol FROM unnest($4::text[]) AS new (symbol) ORDER BY new.symbol ON CONFLICT DO NOTHING`;

/** The ids of series; missing series are added. */
async function findSeries(
  client: Client,
  names: Names,
  { tenant, provider, timeframe }: TenantOwner,
  symbols: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const parameters = [tenant, provider, timeframe, symbols];
  let { rows } = await client.query<{ symbol: string; id: number }>(findQuery(names), parameters);
  if (rows.length < symbols.length) {
    const known = new Set(rows.map(({ symbol }) => symbol));
    await client.query(addStatement(names), [
      tenant,
      provider,
      timeframe,
      symbols.filter((symbol) => !known.has(symbol)),
    ]);
    rows = (await client.query(findQuery(names), parameters)).rows;
  }
  return new Map(rows.map(({ symbol, id }) => [symbol, id]));
}

const CHANGES = `unnest($1::int[], $2::float8[], $3::float8[]) AS change (id, starts, ends)`;
const RANGES = `range_agg(${range("change.starts", "change.ends")}) FILTER (WHERE change.starts IS NOT NULL)`;

// Locks the series in order, so that writers wait for each other without a deadlock.
const confirmStatement = ({ of }: Names) =>
  `INSERT INTO ${of("series_coverage")} AS stored (series_id, updated_by, updated_at, confirmed)
SELECT change.id, $4, clock_timestamp(), coalesce(${RANGES}, '{}') FROM ${CHANGES} GROUP BY change.id ORDER BY change.id
ON CONFLICT (series_id) DO UPDATE
SET confirmed = stored.confirmed + excluded.confirmed, updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE NOT stored.confirmed @> excluded.confirmed`;

const CHANGED = `SELECT change.id, ${RANGES} AS ranges FROM ${CHANGES} GROUP BY change.id`;

const unconfirmStatement = ({ of }: Names) =>
  `UPDATE ${of("series_coverage")} AS stored
SET confirmed = stored.confirmed - changed.ranges, updated_at = clock_timestamp(), updated_by = $4
FROM (${CHANGED}) AS changed WHERE stored.series_id = changed.id AND stored.confirmed && changed.ranges`;

const cutStatement = ({ of }: Names) =>
  `WITH cut AS (
  DELETE FROM ${of("series_doubt")} AS d USING (${CHANGED}) AS changed
  WHERE d.series_id = changed.id AND tstzrange(d.starts, d.ends) && changed.ranges
    AND NOT (d.reason = 'deleted' AND d.found_at > $4::timestamptz)
  RETURNING d.series_id, d.starts, d.ends, d.reason, d.found_at, d.due_at, d.attempts, changed.ranges
)
INSERT INTO ${of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT cut.series_id, lower(part), upper(part), cut.reason, cut.found_at, cut.due_at, cut.attempts
FROM cut, unnest(tstzmultirange(tstzrange(cut.starts, cut.ends)) - cut.ranges) AS part`;

// Bars deleted since the writer looked are in doubt, even if the writer confirms them.
const refuteStatement = ({ of }: Names) =>
  `UPDATE ${of("series_coverage")} AS stored
SET confirmed = stored.confirmed - gone.ranges
FROM (
  SELECT d.series_id, range_agg(tstzrange(d.starts, d.ends)) AS ranges FROM ${of("series_doubt")} d
  WHERE d.series_id = ANY ($1) AND d.reason = 'deleted' AND d.found_at > $2::timestamptz GROUP BY d.series_id
) AS gone WHERE stored.series_id = gone.series_id AND stored.confirmed && gone.ranges`;

const doubtStatement = ({ of }: Names) =>
  `INSERT INTO ${of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT new.id, to_timestamp(new.starts / 1000), to_timestamp(new.ends / 1000), new.reason, to_timestamp(new.found / 1000),
  to_timestamp(new.due / 1000), new.attempts
FROM unnest($1::int[], $2::float8[], $3::float8[], $4::text[], $5::float8[], $6::float8[], $7::int[])
  AS new (id, starts, ends, reason, found, due, attempts)`;

async function save(
  client: Client,
  names: Names,
  owner: TenantOwner,
  changes: readonly CoverageChange[],
  { writer, seen }: { readonly writer: string; readonly seen?: Seen },
): Promise<void> {
  if (changes.length === 0) return;
  const replaced = seen && findDifference(seen.destination, await readDestination(client, names));
  if (replaced !== undefined) throw new Error(`Cannot save coverage: the database is ${replaced}`);
  await inTransaction(client, async () => {
    const ids = await findSeries(client, names, owner, [...new Set(changes.map(({ symbol }) => symbol))]);
    const confirmed: ChangedRange[] = [];
    const doubts: (Doubt & { id: number })[] = [];
    for (const change of changes) {
      const id = ids.get(change.symbol)!;
      for (const [from, to] of change.confirmed) if (from < to) confirmed.push({ id, from, to });
      for (const doubt of change.doubts) if (doubt.from < doubt.to) doubts.push({ id, ...doubt });
    }
    const locked = Array.from(ids.values(), (id): ChangedRange => ({ id, from: null, to: null }));
    await client.query(confirmStatement(names), [...columnsOf([...locked, ...confirmed]), writer]);
    const since = seen?.at ?? "infinity";
    await client.query(refuteStatement(names), [[...ids.values()], since]);
    await client.query(cutStatement(names), [...columnsOf([...confirmed, ...doubts]), since]);
    if (doubts.length > 0) {
      await client.query(unconfirmStatement(names), [...columnsOf(doubts), writer]);
      await client.query(doubtStatement(names), [
        ...columnsOf(doubts),
        doubts.map(({ reason }) => reason),
        doubts.map(({ foundAt }) => foundAt),
        doubts.map(({ dueAt }) => dueAt === Infinity ? null : dueAt),
        doubts.map(({ attempts }) => attempts),
      ]);
    }
  });
}

/** A range of a series; `null` means the series alone. */
interface ChangedRange {
  readonly id: number;
  readonly from: number | null;
  readonly to: number | null;
}

const columnsOf = (ranges: readonly ChangedRange[]) => [
  ranges.map(({ id }) => id),
  ranges.map(({ from }) => from),
  ranges.map(({ to }) => to),
];

const startsQuery = ({ of }: Names) =>
  `SELECT s.symbol,
  (SELECT ${ms("max(b.ts)")} FROM ${
    of("bar")
  } b WHERE b.series_id = s.id AND b.ts < asked.first AND b.status <> 'p') AS before,
  ARRAY(
    SELECT ${ms("b.ts")} FROM ${of("bar")} b
    WHERE b.series_id = s.id AND b.ts >= asked.first AND b.ts < asked.last AND b.status <> 'p' ORDER BY b.ts
  ) AS within,
  ARRAY(
    SELECT ${ms("b.ts")} FROM ${of("bar")} b
    WHERE b.series_id = s.id AND b.ts >= asked.first AND b.ts < asked.last AND b.status = 'c'
      AND b.received_at > now() - interval '2 hours' ORDER BY b.ts
  ) AS corrected,
  (
    SELECT (extract(epoch FROM max(b.received_at)) * 1000000)::float8 FROM ${of("bar")} b
    WHERE b.series_id = s.id AND b.ts >= asked.first AND b.ts < asked.last
  ) AS received,
  (SELECT ${ms("min(b.ts)")} FROM ${
    of("bar")
  } b WHERE b.series_id = s.id AND b.ts >= asked.last AND b.status <> 'p') AS after
FROM (
  SELECT given.symbol, to_timestamp(given.starts / 1000) AS first, to_timestamp(given.ends / 1000) AS last
  FROM unnest($4::text[], $5::float8[], $6::float8[]) AS given (symbol, starts, ends)
) AS asked JOIN ${
    of("series_key")
  } s ON s.symbol = asked.symbol WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3`;

async function readStarts(
  client: Client,
  names: Names,
  { tenant, provider, timeframe }: TenantOwner,
  ranges: ReadonlyMap<string, Interval>,
): Promise<ReadonlyMap<string, StoredStarts>> {
  const intervals = [...ranges.values()];
  const { rows } = await client.query(startsQuery(names), [
    ...[tenant, provider, timeframe, [...ranges.keys()]],
    intervals.map(([from]) => from),
    intervals.map(([, to]) => to),
  ]);
  return new Map(rows.map(({ symbol, before, within, after, corrected, received }) => [
    symbol,
    { before: before ?? undefined, within, after: after ?? undefined, corrected, receivedAt: received ?? undefined },
  ]));
}
