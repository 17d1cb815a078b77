/**
 * Coverage in the database, beside the bars.
 *
 * Changes are merged by the server: what is confirmed is added to the ranges of the row, what is in doubt taken from them. So
 * writers that know nothing of each other lose nothing of each other's.
 *
 * @module
 */
import type { Client } from "pg";
import type { Doubt, SeriesCoverage } from "../coverage/coverage.ts";
import type { CoverageChange, CoverageStore, SeriesOwner, StoredStarts } from "../coverage/store.ts";
import type { Interval } from "../records/intervals.ts";

/** A row of a doubt. */
type StoredDoubt = Omit<Doubt, "dueAt"> & { readonly symbol: string; readonly dueAt: number | null };

/** Where {@linkcode keepCoverageInDatabase} keeps it. */
export interface DatabaseCoverageOptions {
  readonly tenant: string;
  /** Written beside each change, for people. */
  readonly writer: string;
  /** Runs a piece of work on a connection, and gives it up when the signal aborts. */
  readonly run: <T>(work: (client: Client) => Promise<T>, signal?: AbortSignal) => Promise<T>;
}

/** Keeps the coverage of a tenant's series. */
export function keepCoverageInDatabase({ tenant, writer, run }: DatabaseCoverageOptions): CoverageStore {
  return {
    load: (owner, signal) => run((client) => loadCoverage(client, { tenant, ...owner }), signal),
    save: (owner, changes, signal) => run((client) => save(client, { tenant, ...owner }, changes, writer), signal),
    starts: (owner, ranges, signal) => run((client) => readStarts(client, { tenant, ...owner }, ranges), signal),
  };
}

/** Whose series, with their tenant. */
export type TenantOwner = SeriesOwner & { readonly tenant: string };

// The view "series" looks at the bars, which may be locked for long.

/** A time as epoch ms, and the other way round. */
const ms = (time: string) => `(extract(epoch FROM ${time}) * 1000)::float8`;
const range = (from: string, to: string) => `tstzrange(to_timestamp(${from} / 1000), to_timestamp(${to} / 1000))`;

const CONFIRMED = `SELECT s.symbol,
  ARRAY(SELECT ${ms("lower(part)")} FROM unnest(c.confirmed) AS part) AS starts,
  ARRAY(SELECT ${ms("upper(part)")} FROM unnest(c.confirmed) AS part) AS ends
FROM series_key s JOIN series_coverage c ON c.series_id = s.id
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND ($4::text[] IS NULL OR s.symbol = ANY ($4))`;

const DOUBTS = `SELECT s.symbol, d.reason, d.attempts, ${ms("d.starts")} AS "from", ${ms("d.ends")} AS "to",
  ${ms("d.found_at")} AS "foundAt", ${ms("d.due_at")} AS "dueAt"
FROM series_key s JOIN series_doubt d ON d.series_id = s.id
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND ($4::text[] IS NULL OR s.symbol = ANY ($4))
ORDER BY d.series_id, d.starts`;

/** What is known of all symbols, or of those that are named. */
export async function loadCoverage(
  client: Client,
  { tenant, provider, timeframe }: TenantOwner,
  symbols?: readonly string[],
): Promise<ReadonlyMap<string, SeriesCoverage>> {
  const owner = [tenant, provider, timeframe, symbols ?? null];
  // One snapshot of both: what leaves the doubts is confirmed in the same moment.
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const known = new Map<string, { confirmed: Interval[]; doubts: Doubt[] }>();
  try {
    const confirmed = await client.query<{ symbol: string; starts: number[]; ends: number[] }>(CONFIRMED, owner);
    for (const { symbol, starts, ends } of confirmed.rows) {
      if (starts.length === 0) continue;
      known.set(symbol, { confirmed: starts.map((from, at): Interval => [from, ends[at]]), doubts: [] });
    }
    const doubts = await client.query<StoredDoubt>(DOUBTS, owner);
    for (const { symbol, dueAt, ...doubt } of doubts.rows) {
      const found = known.get(symbol) ?? { confirmed: [], doubts: [] };
      known.set(symbol, found);
      found.doubts.push({ ...doubt, dueAt: dueAt ?? Infinity });
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
  return known;
}

const FIND = `SELECT s.symbol, s.id FROM series_key s
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND s.symbol = ANY ($4)`;
const ADD = `INSERT INTO series_key (tenant, provider, timeframe, symbol)
SELECT $1, $2, $3, new.symbol FROM unnest($4::text[]) AS new (symbol) ORDER BY new.symbol ON CONFLICT DO NOTHING`;

/** The ids of series; those that are missing are added. */
async function findSeries(
  client: Client,
  { tenant, provider, timeframe }: TenantOwner,
  symbols: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const parameters = [tenant, provider, timeframe, symbols];
  let { rows } = await client.query<{ symbol: string; id: number }>(FIND, parameters);
  if (rows.length < symbols.length) {
    const known = new Set(rows.map(({ symbol }) => symbol));
    await client.query(ADD, [tenant, provider, timeframe, symbols.filter((symbol) => !known.has(symbol))]);
    rows = (await client.query(FIND, parameters)).rows;
  }
  return new Map(rows.map(({ symbol, id }) => [symbol, id]));
}

const CHANGES = `unnest($1::int[], $2::float8[], $3::float8[]) AS change (id, starts, ends)`;
const RANGES = `range_agg(${range("change.starts", "change.ends")}) FILTER (WHERE change.starts IS NOT NULL)`;

// Of all series of the change, in order: so that writers wait for each other, and never in a circle.
const CONFIRM = `INSERT INTO series_coverage AS stored (series_id, updated_by, updated_at, confirmed)
SELECT change.id, $4, clock_timestamp(), coalesce(${RANGES}, '{}') FROM ${CHANGES} GROUP BY change.id ORDER BY change.id
ON CONFLICT (series_id) DO UPDATE
SET confirmed = stored.confirmed + excluded.confirmed, updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE NOT stored.confirmed @> excluded.confirmed`;

const CHANGED = `SELECT change.id, ${RANGES} AS ranges FROM ${CHANGES} GROUP BY change.id`;

const UNCONFIRM = `UPDATE series_coverage AS stored
SET confirmed = stored.confirmed - changed.ranges, updated_at = clock_timestamp(), updated_by = $4
FROM (${CHANGED}) AS changed WHERE stored.series_id = changed.id AND stored.confirmed && changed.ranges`;

const CUT_DOUBTS = `WITH cut AS (
  DELETE FROM series_doubt AS d USING (${CHANGED}) AS changed
  WHERE d.series_id = changed.id AND tstzrange(d.starts, d.ends) && changed.ranges
  RETURNING d.series_id, d.starts, d.ends, d.reason, d.found_at, d.due_at, d.attempts, changed.ranges
)
INSERT INTO series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT cut.series_id, lower(part), upper(part), cut.reason, cut.found_at, cut.due_at, cut.attempts
FROM cut, unnest(tstzmultirange(tstzrange(cut.starts, cut.ends)) - cut.ranges) AS part`;

const DOUBT = `INSERT INTO series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT new.id, to_timestamp(new.starts / 1000), to_timestamp(new.ends / 1000), new.reason, to_timestamp(new.found / 1000),
  to_timestamp(new.due / 1000), new.attempts
FROM unnest($1::int[], $2::float8[], $3::float8[], $4::text[], $5::float8[], $6::float8[], $7::int[])
  AS new (id, starts, ends, reason, found, due, attempts)`;

async function save(
  client: Client,
  owner: TenantOwner,
  changes: readonly CoverageChange[],
  writer: string,
): Promise<void> {
  if (changes.length === 0) return;
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    const ids = await findSeries(client, owner, [...new Set(changes.map(({ symbol }) => symbol))]);
    const confirmed: ChangedRange[] = [];
    const doubts: (Doubt & { id: number })[] = [];
    for (const change of changes) {
      const id = ids.get(change.symbol)!;
      for (const [from, to] of change.confirmed) if (from < to) confirmed.push({ id, from, to });
      for (const doubt of change.doubts) if (doubt.from < doubt.to) doubts.push({ id, ...doubt });
    }
    const locked = Array.from(ids.values(), (id): ChangedRange => ({ id, from: null, to: null }));
    await client.query(CONFIRM, [...columnsOf([...locked, ...confirmed]), writer]);
    await client.query(CUT_DOUBTS, columnsOf([...confirmed, ...doubts]));
    if (doubts.length > 0) {
      await client.query(UNCONFIRM, [...columnsOf(doubts), writer]);
      await client.query(DOUBT, [
        ...columnsOf(doubts),
        doubts.map(({ reason }) => reason),
        doubts.map(({ foundAt }) => foundAt),
        doubts.map(({ dueAt }) => dueAt === Infinity ? null : dueAt),
        doubts.map(({ attempts }) => attempts),
      ]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/** A range of a series; `null` where only the series is meant. */
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

const STARTS = `SELECT s.symbol,
  (SELECT ${ms("max(b.ts)")} FROM bar b WHERE b.series_id = s.id AND b.ts < asked.first AND b.status <> 'p') AS before,
  ARRAY(
    SELECT ${ms("b.ts")} FROM bar b
    WHERE b.series_id = s.id AND b.ts >= asked.first AND b.ts < asked.last AND b.status <> 'p' ORDER BY b.ts
  ) AS within,
  ARRAY(
    SELECT ${ms("b.ts")} FROM bar b
    WHERE b.series_id = s.id AND b.ts >= asked.first AND b.ts < asked.last AND b.status = 'c'
      AND b.received_at > now() - interval '2 hours' ORDER BY b.ts
  ) AS corrected,
  (SELECT ${ms("min(b.ts)")} FROM bar b WHERE b.series_id = s.id AND b.ts >= asked.last AND b.status <> 'p') AS after
FROM (
  SELECT given.symbol, to_timestamp(given.starts / 1000) AS first, to_timestamp(given.ends / 1000) AS last
  FROM unnest($4::text[], $5::float8[], $6::float8[]) AS given (symbol, starts, ends)
) AS asked JOIN series_key s ON s.symbol = asked.symbol WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3`;

async function readStarts(
  client: Client,
  { tenant, provider, timeframe }: TenantOwner,
  ranges: ReadonlyMap<string, Interval>,
): Promise<ReadonlyMap<string, StoredStarts>> {
  const intervals = [...ranges.values()];
  const { rows } = await client.query(STARTS, [
    ...[tenant, provider, timeframe, [...ranges.keys()]],
    intervals.map(([from]) => from),
    intervals.map(([, to]) => to),
  ]);
  return new Map(rows.map(({ symbol, before, within, after, corrected }) => [
    symbol,
    { before: before ?? undefined, within, after: after ?? undefined, corrected },
  ]));
}
