/**
 * Deletes the rows of series, or moves them to other series.
 *
 * @module
 */
import type { Client } from "pg";
import { recordKind } from "../records/mod.ts";
import type { RecordKind } from "../records/kind.ts";
import { observationOrder } from "./kinds.ts";
import type { Names } from "./names.ts";
import { inStep, isIn, parametersOf, type RowRange, stepsOf } from "./row_steps.ts";

/** A choice among a tenant's series: each given list restricts it. */
export interface SeriesChoice {
  readonly tenant: string;
  readonly kind: string;
  readonly providers?: readonly string[];
  readonly symbols?: readonly string[];
  readonly timeframes?: readonly string[];
}

/** A series with rows of a kind. */
export interface ChosenSeries {
  readonly id: number;
  readonly kind: string;
  readonly provider: string;
  readonly symbol: string;
  readonly timeframe: string;
}

/** Times of rows in PostgreSQL's text, bounds included. */
export interface RowTimes {
  readonly first: string;
  readonly last: string;
}

/** All times. */
export const ALWAYS: RowTimes = { first: "-infinity", last: "infinity" };

/** The chosen series, in the order of their names. */
export async function chooseSeries(client: Client, { of }: Names, choice: SeriesChoice): Promise<ChosenSeries[]> {
  const { tenant, kind, providers = null, symbols = null, timeframes = null } = choice;
  const { rows } = await client.query(
    `SELECT s.id, $5 AS kind, s.provider, s.symbol, s.timeframe FROM ${of("series_key")} s
WHERE s.tenant = $1 AND ($2::text[] IS NULL OR s.provider = ANY ($2)) AND ($3::text[] IS NULL OR s.symbol = ANY ($3))
  AND ($4::text[] IS NULL OR s.timeframe = ANY ($4))
  AND EXISTS (SELECT FROM ${of(recordKind(kind).table)} r WHERE r.series_id = s.id)
ORDER BY s.provider, s.symbol, s.timeframe`,
    [tenant, providers, symbols, timeframes, kind],
  );
  return rows;
}

/** Counts rows of a series. */
export async function countRows(
  client: Client,
  { of }: Names,
  { id, kind }: ChosenSeries,
  { first, last }: RowTimes,
): Promise<number> {
  const { rows } = await client.query(
    `SELECT count(*)::int FROM ${of(recordKind(kind).table)} r WHERE ${isIn("r")}`,
    [id, first, last],
  );
  return rows[0].count;
}

/** Deletes rows of a series in steps, and returns their number. */
export async function deleteRows(
  client: Client,
  names: Names,
  { id, kind: name }: ChosenSeries,
  times: RowTimes,
): Promise<number> {
  const kind = recordKind(name);
  let deleted = 0;
  for await (const step of stepsOf(client, names, { kind, seriesId: id, ...times })) {
    const { rowCount } = await inStep(
      client,
      () => client.query(`DELETE FROM ${names.of(kind.table)} AS r WHERE ${isIn("r")}`, parametersOf(step)),
    );
    deleted += rowCount ?? 0;
  }
  return deleted;
}

/** The result of moving the rows of a series to another symbol. */
export interface MovedRows {
  readonly moved: number;
  /** Rows for whose key the other series had a newer observation. */
  readonly superseded: number;
}

/**
 * Moves all rows of a series to that of another symbol, in steps. For a key that both series have, the newer
 * observation stays, as if both had been written there. Coverage and loads move first. The next move continues an
 * interrupted one.
 */
export async function moveRows(
  client: Client,
  names: Names,
  series: ChosenSeries,
  tenant: string,
  symbol: string,
): Promise<MovedRows> {
  const kind = recordKind(series.kind);
  const to = await inStep(client, () => prepareMove(client, names, series, tenant, symbol));
  let moved = 0;
  let stored = 0;
  for await (const step of stepsOf(client, names, { kind, seriesId: series.id, ...ALWAYS })) {
    const counts = await inStep(client, () => moveStep(client, names, kind, step, to));
    moved += counts.moved;
    stored += counts.stored;
  }
  await forgetSeries(client, names, series.id);
  return { moved, superseded: moved - stored };
}

/** Creates the other series, and copies coverage and loads of this one to it. */
async function prepareMove(
  client: Client,
  { of }: Names,
  { id, provider, timeframe }: ChosenSeries,
  tenant: string,
  symbol: string,
): Promise<number> {
  const key = [tenant, provider, symbol, timeframe];
  await client.query(
    `INSERT INTO ${
      of("series_key")
    } (tenant, provider, symbol, timeframe) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    key,
  );
  const { rows: [{ id: to }] } = await client.query(
    `SELECT s.id FROM ${of("series_key")} s WHERE (s.tenant, s.provider, s.symbol, s.timeframe) = ($1, $2, $3, $4)`,
    key,
  );
  const both = [id, to];
  await client.query(
    `INSERT INTO ${of("series_coverage")} AS c (series_id, updated_by, confirmed, updated_at)
SELECT $2, 'rename', o.confirmed, clock_timestamp() FROM ${of("series_coverage")} o WHERE o.series_id = $1
ON CONFLICT (series_id) DO UPDATE SET confirmed = c.confirmed + excluded.confirmed, updated_at = excluded.updated_at,
  updated_by = excluded.updated_by`,
    both,
  );
  await client.query(
    `INSERT INTO ${of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT $2, d.starts, d.ends, d.reason, d.found_at, d.due_at, d.attempts FROM ${
      of("series_doubt")
    } d WHERE d.series_id = $1
  AND NOT EXISTS (SELECT FROM ${
      of("series_doubt")
    } n WHERE n.series_id = $2 AND n.starts < d.ends AND d.starts < n.ends)
ON CONFLICT DO NOTHING`,
    both,
  );
  await client.query(
    `UPDATE ${of("series_coverage")} AS c SET confirmed = c.confirmed - d.ranges FROM (
  SELECT range_agg(tstzrange(s.starts, s.ends)) AS ranges FROM ${of("series_doubt")} s WHERE s.series_id = ANY ($1)
) AS d WHERE c.series_id = $2 AND c.confirmed && d.ranges`,
    [both, to],
  );
  for (const table of ["series_doubt", "series_coverage"]) {
    await client.query(`DELETE FROM ${of(table)} WHERE series_id = $1`, [id]);
  }
  await client.query(
    `INSERT INTO ${of("load_series")} AS s (load_id, kind, series_id, first, last)
SELECT o.load_id, o.kind, $2, o.first, o.last FROM ${of("load_series")} o WHERE o.series_id = $1
ON CONFLICT (load_id, series_id, kind) DO UPDATE
SET first = least(s.first, excluded.first), last = greatest(s.last, excluded.last)`,
    both,
  );
  return to;
}

async function moveStep(
  client: Client,
  { of }: Names,
  kind: RecordKind,
  step: RowRange,
  to: number,
): Promise<{ moved: number; stored: number }> {
  const columns = kind.columns.map(({ name }) => name);
  const payload = columns.filter((name) => !kind.keyColumns.includes(name));
  const parameters = [...parametersOf(step), to];
  const { rows } = await client.query(
    `WITH gone AS (
  DELETE FROM ${of(kind.table)} AS r WHERE ${isIn("r")} RETURNING ${columns.map((name) => `r.${name}`).join(", ")}
), stored AS (
  INSERT INTO ${of(kind.table)} AS old (series_id, ${columns.join(", ")}) SELECT $4::int4, ${
      columns.join(", ")
    } FROM gone
  ON CONFLICT (series_id, ${kind.keyColumns.join(", ")}) DO UPDATE
  SET ${payload.map((name) => `${name} = excluded.${name}`).join(", ")}
  WHERE ${observationOrder(kind, "excluded")} >= ${observationOrder(kind, "old")}
  RETURNING 1
)
SELECT (SELECT count(*)::int FROM gone) AS moved, (SELECT count(*)::int FROM stored) AS stored`,
    parameters,
  );
  await client.query(
    `WITH gone AS (
  DELETE FROM ${of("load_replaced")} AS k WHERE ${isIn("k")} AND k.kind = $5
  RETURNING k.load_id, k.kind, k.ts, k.key, k.row_received_at, k.record
)
INSERT INTO ${of("load_replaced")} AS k (series_id, load_id, kind, ts, key, row_received_at, record)
SELECT $4::int4, gone.* FROM gone
ON CONFLICT (load_id, series_id, ts, kind, key) DO UPDATE
SET row_received_at = excluded.row_received_at, record = excluded.record
WHERE excluded.row_received_at > k.row_received_at`,
    [...parameters, kind.name],
  );
  return rows[0];
}

/** Removes a series without rows. It stays if it has rows of another kind, or the right is missing. */
async function forgetSeries(client: Client, { of }: Names, id: number): Promise<void> {
  try {
    await inStep(client, async () => {
      await client.query("SET LOCAL lock_timeout = '5s'");
      await client.query(`DELETE FROM ${of("series_key")} WHERE id = $1`, [id]);
      await client.query(`DELETE FROM ${of("load_series")} WHERE series_id = $1`, [id]);
    });
  } catch {
    // An empty series does no harm.
  }
}
