/**
 * Reads the coverage of a database.
 *
 * @module
 */
import type { Client } from "pg";
import type { Doubt, SeriesCoverage } from "../coverage/coverage.ts";
import type { SeriesOwner } from "../coverage/store.ts";
import type { Interval } from "../records/intervals.ts";
import { ms, type Names } from "./names.ts";
import { inTransaction } from "./transaction.ts";

/** A row of a doubt. */
type StoredDoubt = Omit<Doubt, "dueAt"> & { readonly symbol: string; readonly dueAt: number | null };

/** The owner of series, with its tenant. */
export type TenantOwner = SeriesOwner & { readonly tenant: string };

// Reads the tables, as the view "series" reads the bars, which may be locked for long.

const confirmedQuery = ({ of }: Names) =>
  `SELECT s.symbol,
  ARRAY(SELECT ${ms("lower(part)")} FROM unnest(c.confirmed) AS part) AS starts,
  ARRAY(SELECT ${ms("upper(part)")} FROM unnest(c.confirmed) AS part) AS ends
FROM ${of("series_key")} s JOIN ${of("series_coverage")} c ON c.series_id = s.id
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND ($4::text[] IS NULL OR s.symbol = ANY ($4))`;

const doubtsQuery = ({ of }: Names) =>
  `SELECT s.symbol, d.reason, d.attempts, ${ms("d.starts")} AS "from", ${ms("d.ends")} AS "to",
  ${ms("d.found_at")} AS "foundAt", ${ms("d.due_at")} AS "dueAt"
FROM ${of("series_key")} s JOIN ${of("series_doubt")} d ON d.series_id = s.id
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND ($4::text[] IS NULL OR s.symbol = ANY ($4))
ORDER BY d.series_id, d.starts`;

/** The coverage of all symbols, or of the given ones. */
export async function loadCoverage(
  client: Client,
  names: Names,
  { tenant, provider, timeframe }: TenantOwner,
  symbols?: readonly string[],
): Promise<ReadonlyMap<string, SeriesCoverage>> {
  const owner = [tenant, provider, timeframe, symbols ?? null];
  // One snapshot of both: a range leaves the doubts and is confirmed in the same moment.
  return await inTransaction(client, async () => {
    const known = new Map<string, { confirmed: Interval[]; doubts: Doubt[] }>();
    const confirmed = await client.query<{ symbol: string; starts: number[]; ends: number[] }>(
      confirmedQuery(names),
      owner,
    );
    for (const { symbol, starts, ends } of confirmed.rows) {
      if (starts.length === 0) continue;
      known.set(symbol, { confirmed: starts.map((from, at): Interval => [from, ends[at]]), doubts: [] });
    }
    const doubts = await client.query<StoredDoubt>(doubtsQuery(names), owner);
    for (const { symbol, dueAt, ...doubt } of doubts.rows) {
      const found = known.get(symbol) ?? { confirmed: [], doubts: [] };
      known.set(symbol, found);
      found.doubts.push({ ...doubt, dueAt: dueAt ?? Infinity });
    }
    return known;
  }, "snapshot");
}
