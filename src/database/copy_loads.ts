/**
 * Copies loads of files, with the replaced rows kept for them, so that they can be undone at the target.
 *
 * @module
 */
import type { Side } from "./copy_rows.ts";
import { inStep } from "./row_steps.ts";

/** Rows sent at once. */
const STEP_ROWS = 5000;

/**
 * Copies loads; a load that the target has already, by tenant, time and command, is completed. Returns the number of
 * loads.
 */
export async function copyLoads(source: Side, target: Side, series: ReadonlyMap<number, number>): Promise<number> {
  const { of } = source.names;
  const { rows: loads } = await source.client.query(
    `SELECT l.id, l.tenant, l.command, l.files::text, l.ledger::text, l.began_at::text, l.ended_at::text, l.undo_began_at::text,
  l.undone_at::text FROM ${of("load")} l ORDER BY l.id`,
  );
  for (const load of loads) await inStep(target.client, () => copyLoad(source, target, load, series));
  return loads.length;
}

async function copyLoad(
  source: Side,
  target: Side,
  load: Readonly<Record<string, string | null>> & { readonly id: number },
  series: ReadonlyMap<number, number>,
): Promise<void> {
  const { of } = target.names;
  const key = [load.tenant, load.began_at, load.command];
  const rest = [load.files, load.ledger, load.ended_at, load.undo_began_at, load.undone_at];
  const { rows: [found] } = await target.client.query(
    `WITH found AS (
  UPDATE ${
      of("load")
    } SET files = $4::jsonb, ledger = $5::jsonb, ended_at = $6::timestamptz, undo_began_at = $7::timestamptz,
    undone_at = $8::timestamptz
  WHERE tenant = $1 AND began_at = $2::timestamptz AND command = $3 RETURNING id
), added AS (
  INSERT INTO ${of("load")} (tenant, began_at, command, files, ledger, ended_at, undo_began_at, undone_at)
  SELECT $1, $2::timestamptz, $3, $4::jsonb, $5::jsonb, $6::timestamptz, $7::timestamptz, $8::timestamptz
  WHERE NOT EXISTS (SELECT FROM found) RETURNING id
)
SELECT id FROM found UNION ALL SELECT id FROM added`,
    [...key, ...rest],
  );
  const read = async (table: string, columns: string, after: string, parameters: unknown[]) =>
    (await source.client.query(
      `SELECT ${columns} FROM ${source.names.of(table)} t WHERE t.load_id = $1 ${after}`,
      [load.id, ...parameters],
    )).rows;
  for (const { starts, ends } of await read("load_time", "t.starts::text, t.ends::text", "", [])) {
    await target.client.query(
      `INSERT INTO ${of("load_time")} AS t (load_id, starts, ends) VALUES ($1, $2::timestamptz, $3::timestamptz)
ON CONFLICT (starts) DO UPDATE SET ends = excluded.ends WHERE t.load_id = excluded.load_id`,
      [found.id, starts, ends],
    );
  }
  const spans = await read("load_series", "t.series_id, t.kind, t.first::text, t.last::text", "", []);
  for (const { series_id, kind, first, last } of spans) {
    if (!series.has(series_id)) continue;
    await target.client.query(
      `INSERT INTO ${
        of("load_series")
      } (load_id, series_id, kind, first, last) VALUES ($1, $2, $3, $4::timestamptz, $5::timestamptz)
ON CONFLICT (load_id, series_id, kind) DO UPDATE SET first = excluded.first, last = excluded.last`,
      [found.id, series.get(series_id), kind, first, last],
    );
  }
  for (let offset = 0;; offset += STEP_ROWS) {
    const kept = await read(
      "load_replaced",
      "t.series_id, t.kind, t.ts::text, t.key, t.row_received_at::text, t.record::text",
      "ORDER BY t.series_id, t.ts, t.kind, t.key LIMIT $2 OFFSET $3",
      [STEP_ROWS, offset],
    );
    const rows = kept.filter(({ series_id }) => series.has(series_id))
      .map(({ series_id, record, ...row }) => ({ ...row, record, series_id: series.get(series_id) }));
    await target.client.query(
      `INSERT INTO ${of("load_replaced")} (load_id, series_id, kind, ts, key, row_received_at, record)
SELECT $1::int4, r.series_id, r.kind, r.ts, r.key, r.row_received_at, r.record::json
FROM json_to_recordset($2::json) AS r (series_id int4, kind text, ts timestamptz, key text, row_received_at timestamptz, record text)
ON CONFLICT DO NOTHING`,
      [found.id, JSON.stringify(rows)],
    );
    if (kept.length < STEP_ROWS) return;
  }
}
