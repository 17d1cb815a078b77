/**
 * Copies everything that a database holds into another: rows of every kind, coverage and loads.
 *
 * Rows are compared in parts, by their count and a digest that each server computes, and only parts that differ are
 * sent. So an interrupted copy continues where it stopped, and a repeated copy proves that the first was complete.
 *
 * @module
 */
import type { Client } from "pg";
import { recordKind, recordKinds } from "../records/mod.ts";
import type { RecordKind } from "../records/kind.ts";
import { observationOrder } from "./kinds.ts";
import type { Names } from "./names.ts";
import { digestColumns, type RowDigest } from "./row_digest.ts";
import { inStep, isIn, parametersOf, type RowRange, stepsOf } from "./row_steps.ts";

/** One side of the copy: a connection, and the names of its tables. */
export interface Side {
  readonly client: Client;
  readonly names: Names;
}

/** Rows of a kind on both sides, in the copied series. */
export interface CopiedKind {
  readonly kind: string;
  /** Rows sent. */
  readonly sent: number;
  readonly source: number;
  readonly target: number;
}

/** Ids of the source's series at the target. */
type SeriesIds = ReadonlyMap<number, number>;

/** Finds the source's series at the target, and adds the missing ones. */
export async function copySeries(source: Side, target: Side): Promise<SeriesIds> {
  const { rows } = await source.client.query(
    `SELECT s.id, s.tenant, s.provider, s.symbol, s.timeframe, s.created_at::text AS made FROM ${
      source.names.of("series_key")
    } s ORDER BY s.id`,
  );
  const columns = ["tenant", "provider", "symbol", "timeframe", "made"].map((name) => rows.map((row) => row[name]));
  const key = target.names.of("series_key");
  await target.client.query(
    `INSERT INTO ${key} (tenant, provider, symbol, timeframe, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) ON CONFLICT DO NOTHING`,
    columns,
  );
  const { rows: found } = await target.client.query(
    `SELECT k.id, n.place::int FROM ${key} k
JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS n (tenant, provider, symbol, timeframe, place)
  ON (k.tenant, k.provider, k.symbol, k.timeframe) = (n.tenant, n.provider, n.symbol, n.timeframe)`,
    columns.slice(0, 4),
  );
  return new Map(found.map(({ id, place }) => [rows[place - 1].id, id]));
}

/** Copies the rows of a kind, and counts them on both sides. */
export async function copyKind(source: Side, target: Side, name: string, ids: SeriesIds): Promise<CopiedKind> {
  const kind = recordKind(name);
  let sent = 0;
  const counts = { source: 0, target: 0 };
  for (const [from, to] of ids) {
    const range: RowRange = { kind, seriesId: from, first: "-infinity", last: "infinity" };
    for await (const step of stepsOf(source.client, source.names, range)) {
      const there = { ...step, seriesId: to };
      const own = await digest(source, step);
      let other = await digest(target, there);
      if (own.count > 0 && (own.count !== other.count || own.digest !== other.digest)) {
        const rows = await readRows(source, step);
        await inStep(target.client, () => writeRows(target, kind, to, rows));
        sent += own.count;
        other = await digest(target, there);
      }
      counts.source += own.count;
      counts.target += other.count;
    }
  }
  return { kind: name, sent, ...counts };
}

const columnsOf = ({ columns }: RecordKind) => columns.map(({ name }) => name);

/** The count of rows, and a digest of their values that does not depend on their order. */
async function digest({ client, names }: Side, step: RowRange): Promise<RowDigest> {
  const values = columnsOf(step.kind).map((name) => `r.${name}`).join(", ");
  return await inStep(client, async () => {
    await client.query("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'");
    const { rows } = await client.query(
      `SELECT ${digestColumns(`ROW(${values})`)}
FROM ${names.of(step.kind.table)} r WHERE ${isIn("r")}`,
      parametersOf(step),
    );
    return rows[0];
  });
}

/** The rows as a JSON array. */
async function readRows({ client, names }: Side, step: RowRange): Promise<string> {
  return await inStep(client, async () => {
    const { rows } = await client.query(
      `SELECT coalesce(json_agg(row_to_json(r)), '[]')::text AS rows FROM ${names.of(step.kind.table)} r WHERE ${
        isIn("r")
      }`,
      parametersOf(step),
    );
    return rows[0].rows;
  });
}

/** Writes rows by the rule of every writer: a newer observation stays. */
async function writeRows({ client, names }: Side, kind: RecordKind, id: number, rows: string): Promise<void> {
  const columns = columnsOf(kind);
  const payload = columns.filter((name) => !kind.keyColumns.includes(name));
  const table = names.of(kind.table);
  await client.query(
    `INSERT INTO ${table} AS old (series_id, ${columns.join(", ")})
SELECT $1::int4, ${
      columns.map((name) => `p.${name}`).join(", ")
    } FROM json_populate_recordset(NULL::${table}, $2::json) AS p
ON CONFLICT (series_id, ${kind.keyColumns.join(", ")}) DO UPDATE
SET ${payload.map((name) => `${name} = excluded.${name}`).join(", ")}
WHERE ${observationOrder(kind, "excluded")} >= ${observationOrder(kind, "old")}`,
    [id, rows],
  );
}

/** Names of all kinds. */
export const KINDS: readonly string[] = Object.keys(recordKinds);

/** Copies confirmed ranges and doubts. If both sides doubt the same range, the target's doubt stays. */
export async function copyCoverage(source: Side, target: Side, ids: SeriesIds): Promise<number> {
  const { client, names } = target;
  const read = async (sql: string) => (await source.client.query(sql)).rows;
  const confirmed = await read(
    `SELECT c.series_id, c.confirmed::text, c.updated_by FROM ${source.names.of("series_coverage")} c`,
  );
  const doubts = await read(
    `SELECT d.series_id, d.starts::text, d.ends::text, d.reason, d.found_at::text, d.due_at::text, d.attempts
FROM ${source.names.of("series_doubt")} d`,
  );
  await inStep(client, async () => {
    for (const { series_id, confirmed: ranges, updated_by } of confirmed) {
      await client.query(
        `INSERT INTO ${names.of("series_coverage")} AS c (series_id, updated_by, confirmed, updated_at)
VALUES ($1, $2, $3::tstzmultirange, clock_timestamp())
ON CONFLICT (series_id) DO UPDATE SET confirmed = c.confirmed + excluded.confirmed, updated_at = excluded.updated_at`,
        [ids.get(series_id), updated_by, ranges],
      );
    }
    for (const { series_id, starts, ends, reason, found_at, due_at, attempts } of doubts) {
      await client.query(
        `INSERT INTO ${names.of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT $1, $2::timestamptz, $3::timestamptz, $4, $5::timestamptz, $6::timestamptz, $7 WHERE NOT EXISTS (
  SELECT FROM ${
          names.of("series_doubt")
        } d WHERE d.series_id = $1 AND d.starts < $3::timestamptz AND $2::timestamptz < d.ends
)`,
        [ids.get(series_id), starts, ends, reason, found_at, due_at, attempts],
      );
    }
    await client.query(
      `UPDATE ${names.of("series_coverage")} AS c SET confirmed = c.confirmed - d.ranges FROM (
  SELECT s.series_id, range_agg(tstzrange(s.starts, s.ends)) AS ranges FROM ${
        names.of("series_doubt")
      } s GROUP BY s.series_id
) AS d WHERE c.series_id = d.series_id AND c.series_id = ANY ($1) AND c.confirmed && d.ranges`,
      [[...ids.values()]],
    );
  });
  return confirmed.length;
}
