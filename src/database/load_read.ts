/**
 * Reads loads of files.
 *
 * @module
 */
import type { Client } from "pg";
import type { LoadedFile } from "./loads.ts";
import { ms, type Names } from "./names.ts";

/**
 * Progress of a load:
 * - `unfinished`: its run has not ended, or was interrupted;
 * - `ended`: its run has ended;
 * - `undoing`: an undo runs, or was interrupted;
 * - `undone`: none of its rows are stored any more.
 */
export type LoadState = "unfinished" | "ended" | "undoing" | "undone";

/** A load. Times are epoch milliseconds. */
export interface Load {
  readonly id: number;
  readonly tenant: string;
  readonly command: string;
  readonly files: readonly LoadedFile[];
  readonly state: LoadState;
  readonly beganAt: number;
  readonly endedAt: number | null;
  readonly undoneAt: number | null;
  /** The counts at its end; `null` before. */
  readonly ledger: Readonly<Record<string, number>> | null;
}

/** A series of a load, with its first and last time. */
export interface LoadSeries {
  readonly id: number;
  readonly kind: string;
  readonly symbol: string;
  readonly timeframe: string;
  readonly first: number;
  readonly last: number;
}

/** A load with its parts. */
export interface LoadDetails extends Load {
  readonly series: readonly LoadSeries[];
  /** Number of replaced rows that are kept. */
  readonly replaced: number;
}

const COLUMNS = `l.id, l.tenant, l.command, l.files, l.ledger,
  CASE WHEN l.undone_at IS NOT NULL THEN 'undone' WHEN l.undo_began_at IS NOT NULL THEN 'undoing'
    WHEN l.ended_at IS NOT NULL THEN 'ended' ELSE 'unfinished' END AS state,
  ${ms("l.began_at")} AS "beganAt", ${ms("l.ended_at")} AS "endedAt", ${ms("l.undone_at")} AS "undoneAt"`;

/** The loads of a tenant, the newest first. */
export async function listLoads(client: Client, { of }: Names, tenant: string, limit = Infinity): Promise<Load[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM ${of("load")} l WHERE l.tenant = $1 ORDER BY l.id DESC LIMIT $2`,
    [tenant, limit === Infinity ? null : limit],
  );
  return rows;
}

/** A load of a tenant with its series; `undefined` if the tenant does not have it. */
export async function readLoad(
  client: Client,
  { of }: Names,
  tenant: string,
  id: number,
): Promise<LoadDetails | undefined> {
  const { rows: [load] } = await client.query(
    `SELECT ${COLUMNS}, (SELECT count(*)::int FROM ${of("load_replaced")} r WHERE r.load_id = l.id) AS replaced
FROM ${of("load")} l WHERE l.tenant = $1 AND l.id = $2`,
    [tenant, id],
  );
  if (load === undefined) return undefined;
  const { rows: series } = await client.query(
    `SELECT k.id, s.kind, k.symbol, k.timeframe, ${ms("s.first")} AS first, ${ms("s.last")} AS last
FROM ${of("load_series")} s JOIN ${of("series_key")} k ON k.id = s.series_id
WHERE s.load_id = $1 ORDER BY s.kind, k.symbol, k.timeframe`,
    [id],
  );
  return { ...load, series };
}
