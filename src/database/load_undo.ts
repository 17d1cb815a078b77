/**
 * Undoes loads of files: each row that the load was the last to write gets its earlier values back.
 *
 * It walks through the series of the load in steps, each its own transaction. After a step its rows are as if the load
 * had never been, so an interrupted undo starts again from the beginning and finds the rest.
 *
 * @module
 */
import type { Client } from "pg";
import { recordKind, recordKinds } from "../records/mod.ts";
import type { RecordKind } from "../records/kind.ts";
import { furtherKey } from "./kinds.ts";
import type { LoadDetails, LoadSeries } from "./load_read.ts";
import { FatalError } from "./faults.ts";
import { ms, type Names } from "./names.ts";
import { inStep, isIn, parametersOf, type RowRange, stepsOf } from "./row_steps.ts";
import { inTransaction } from "./transaction.ts";

/** Changes to the rows of a series. */
export interface UndoneSeries extends Omit<LoadSeries, "first" | "last"> {
  /** Rows deleted, as they did not exist before the load. */
  readonly removed: number;
  /** Rows with their earlier values. */
  readonly restored: number;
  /** Rows between the load's first and last record of the series that were written since; they stay. */
  readonly newer: number;
  /** The first and last time of those rows, in epoch milliseconds. */
  readonly newerFrom: number | null;
  readonly newerTo: number | null;
}

/** Options of {@linkcode undoLoad}. */
export interface UndoOptions {
  /** Whether to change nothing, and only report. */
  readonly isDry: boolean;
  /** Called for each finished series. */
  readonly onSeries: (series: UndoneSeries) => void;
}

/** The rows of a load, as statements need them. */
interface LoadRows {
  readonly load: number;
  /** Its times of receipt, as a multirange. */
  readonly times: string;
}

/** Counts of a step. */
type StepCounts = Omit<UndoneSeries, keyof LoadSeries>;

const NOTHING: StepCounts = { removed: 0, restored: 0, newer: 0, newerFrom: null, newerTo: null };

/**
 * Undoes a load, and returns how many series made for it were removed. From the start on no further record of the load
 * can be stored: a run that still writes it fails.
 *
 * @throws {FatalError} If the user lacks a right.
 */
export async function undoLoad(
  client: Client,
  names: Names,
  load: LoadDetails,
  { isDry, onSeries }: UndoOptions,
): Promise<number> {
  const { of } = names;
  const series = load.series.filter(({ kind }) => Object.hasOwn(recordKinds, kind));
  if (!isDry) {
    await checkRights(client, names, [...new Set(series.map(({ kind }) => recordKind(kind).table))]);
    // Waits for writes in flight.
    await client.query(
      `UPDATE ${of("load")} SET undo_began_at = clock_timestamp() WHERE id = $1 AND undo_began_at IS NULL`,
      [load.id],
    );
  }
  // Read only now: a run in progress may have reserved and claimed more before.
  const { rows: [{ times }] } = await client.query(
    `SELECT coalesce(range_agg(tstzrange(t.starts, t.ends)), '{}')::text AS times FROM ${
      of("load_time")
    } t WHERE t.load_id = $1`,
    [load.id],
  );
  const { rows: ranges } = await client.query(
    `SELECT s.series_id AS id, s.kind, k.symbol, k.timeframe, s.first::text, s.last::text
FROM ${of("load_series")} s JOIN ${of("series_key")} k ON k.id = s.series_id
WHERE s.load_id = $1 AND s.kind = ANY ($2) ORDER BY s.kind, k.symbol, k.timeframe`,
    [load.id, Object.keys(recordKinds)],
  );
  const rows: LoadRows = { load: load.id, times };
  for (const { id, kind, symbol, timeframe, first, last } of ranges) {
    let total = NOTHING;
    const range = { kind: recordKind(kind), seriesId: id, first, last };
    for await (const step of stepsOf(client, names, range)) {
      total = add(
        total,
        await inStep(client, async () => {
          const counted = await count(client, names, rows, step);
          if (!isDry) await undoStep(client, names, rows, step);
          return counted;
        }),
      );
    }
    onSeries({ id, kind, symbol, timeframe, ...total });
  }
  if (isDry) return 0;
  const removed = await removeSeries(client, names, load.id);
  await client.query(`DELETE FROM ${of("load_replaced")} WHERE load_id = $1`, [load.id]);
  await client.query(`UPDATE ${of("load")} SET undone_at = clock_timestamp() WHERE id = $1`, [load.id]);
  return removed;
}

function add(one: StepCounts, other: StepCounts): StepCounts {
  return {
    removed: one.removed + other.removed,
    restored: one.restored + other.restored,
    newer: one.newer + other.newer,
    newerFrom: one.newerFrom ?? other.newerFrom,
    newerTo: other.newerTo ?? one.newerTo,
  };
}

/** Whether a kept row is the previous value of another row. */
const isKeptOf = (kind: RecordKind, row: string) =>
  `k.series_id = ${row}.series_id AND k.ts = ${row}.ts AND k.key = ${furtherKey(kind, row)}`;

/** Counts the effects of a step. */
async function count(client: Client, { of }: Names, { load, times }: LoadRows, step: RowRange): Promise<StepCounts> {
  const { kind } = step;
  const { rows: [counted] } = await client.query(
    `SELECT (count(*) FILTER (WHERE r.is_own AND NOT r.is_kept))::int AS removed,
  (count(*) FILTER (WHERE r.is_own AND r.is_kept))::int AS restored,
  (count(*) FILTER (WHERE r.is_newer))::int AS newer,
  ${ms("min(r.ts) FILTER (WHERE r.is_newer)")} AS "newerFrom", ${ms("max(r.ts) FILTER (WHERE r.is_newer)")} AS "newerTo"
FROM (
  SELECT b.ts, b.received_at <@ $4::tstzmultirange AS is_own, k.load_id IS NOT NULL AS is_kept,
    NOT b.received_at <@ $4::tstzmultirange AND b.received_at > lower($4::tstzmultirange)
      AND b.received_at IS DISTINCT FROM k.row_received_at AS is_newer
  FROM ${of(kind.table)} b LEFT JOIN ${of("load_replaced")} k
    ON k.load_id = $5 AND k.kind = $6 AND ${isIn("k")} AND ${isKeptOf(kind, "b")}
  WHERE ${isIn("b")}
) AS r`,
    [...parametersOf(step), times, load, kind.name],
  );
  return counted;
}

/**
 * Puts the kept rows of a step back, and deletes the others. If a later load has replaced rows of this one, the kept
 * rows pass to that load, so that it can be undone too.
 */
async function undoStep(client: Client, { of }: Names, { load, times }: LoadRows, step: RowRange): Promise<void> {
  const { kind } = step;
  const table = of(kind.table);
  const kept = of("load_replaced");
  const columns = kind.columns.map(({ name }) => name).filter((name) => !kind.keyColumns.includes(name));
  const parameters = [...parametersOf(step), times, load, kind.name];
  await client.query(
    `WITH k AS MATERIALIZED (
  SELECT k.series_id, k.ts, k.key, json_populate_record(NULL::${table}, k.record) AS record
  FROM ${kept} k WHERE k.load_id = $5 AND k.kind = $6 AND ${isIn("k")}
)
UPDATE ${table} AS b SET ${columns.map((name) => `${name} = (k.record).${name}`).join(", ")}
FROM k WHERE ${isKeptOf(kind, "b")} AND ${isIn("b")} AND b.received_at <@ $4::tstzmultirange`,
    parameters,
  );
  await client.query(
    `DELETE FROM ${table} AS b WHERE ${isIn("b")} AND b.received_at <@ $4::tstzmultirange`,
    parameters.slice(0, 4),
  );
  await client.query(
    `UPDATE ${kept} AS o SET record = k.record, row_received_at = k.row_received_at FROM ${kept} k
WHERE k.load_id = $5 AND k.kind = $6 AND ${
      isIn("k")
    } AND (o.series_id, o.ts, o.kind, o.key) = (k.series_id, k.ts, k.kind, k.key)
  AND ${isIn("o")} AND o.load_id <> $5 AND o.row_received_at <@ $4::tstzmultirange`,
    parameters,
  );
  const others = `(SELECT l.id FROM ${of("load")} l WHERE l.id <> $5)`;
  await client.query(
    `DELETE FROM ${kept} AS o WHERE o.load_id IN ${others} AND o.kind = $6 AND ${isIn("o")}
  AND o.row_received_at <@ $4::tstzmultirange`,
    parameters,
  );
  await client.query(`DELETE FROM ${kept} AS k WHERE k.load_id = $4 AND k.kind = $5 AND ${isIn("k")}`, [
    ...parametersOf(step),
    load,
    kind.name,
  ]);
}

/** Longest wait for writers when series are removed. */
const LOCK_TIMEOUT = "5s";

/**
 * Removes empty series that were made for the load. They stay while others write to them, or if the right is missing.
 */
async function removeSeries(client: Client, { of }: Names, load: number): Promise<number> {
  const tables = Object.keys(recordKinds).map((name) => of(recordKind(name).table));
  const holders = [...tables, of("series_coverage"), of("series_doubt")];
  const remove = async (): Promise<number> => {
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    const { rowCount } = await client.query(
      `DELETE FROM ${of("series_key")} AS s WHERE s.id IN (
    SELECT c.series_id FROM ${of("load_series")} c JOIN ${of("load")} l ON l.id = c.load_id GROUP BY c.series_id
    HAVING bool_or(l.id = $1) AND bool_and(l.id = $1 OR l.undone_at IS NOT NULL)
  )
  AND EXISTS (
    SELECT FROM ${of("load_series")} c JOIN ${of("load")} l ON l.id = c.load_id
    WHERE c.series_id = s.id AND s.created_at >= l.began_at
  )
  ${holders.map((holder) => `AND NOT EXISTS (SELECT FROM ${holder} h WHERE h.series_id = s.id)`).join("\n  ")}`,
      [load],
    );
    return rowCount ?? 0;
  };
  return await inTransaction(client, remove).catch(() => 0);
}

/** Checks that the user may delete rows: a role that only writes may not. */
export async function checkRights(client: Client, { of, schema }: Names, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query(
    `SELECT c.relname AS name, quote_ident(current_user) AS role FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $2 AND c.relname = ANY ($1) AND NOT has_table_privilege(c.oid, 'DELETE')`,
    [tables, schema],
  );
  if (rows.length === 0) return;
  const grants = rows.map(({ name, role }) => `GRANT DELETE ON ${of(name)} TO ${role}`);
  throw new FatalError(
    `The user ${rows[0].role} may not delete rows: run this as the owner of the tables, or ${grants.join("; ")}`,
  );
}
