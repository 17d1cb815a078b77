/**
 * Reads the changes that others have made to the coverage of a database, and checks that it is still the same database.
 *
 * @module
 */
import type { Client } from "pg";
import type { CoverageNews } from "../coverage/store.ts";
import { loadCoverage, type TenantOwner } from "./coverage_read.ts";
import { takeUpDeletions } from "./deletions.ts";
import type { Names } from "./names.ts";
import { type Destination, findDifference, readDestination } from "./destination.ts";

/** The state of the coverage at the last look. */
export interface Seen {
  readonly destination: Destination;
  /** Time of the look by the server's clock, as text. */
  readonly at: string;
  /** When others changed each symbol, for changes younger than {@linkcode OVERLAP}. */
  readonly versions: ReadonlyMap<string, string>;
}

/** A transaction that began before the last look may end after it, so changes of that time are read again. */
const OVERLAP = "5 minutes";

const NOW = "SELECT clock_timestamp()::text AS now";

const changedQuery = ({ of }: Names) =>
  `SELECT s.symbol, greatest(c.updated_at, d.found_at)::text AS version
FROM ${of("series_key")} s LEFT JOIN ${of("series_coverage")} c
  ON c.series_id = s.id AND c.updated_at > $4::timestamptz - interval '${OVERLAP}' AND c.updated_by <> $5
LEFT JOIN (
  SELECT series_id, max(found_at) AS found_at FROM ${of("series_doubt")}
  WHERE reason = 'deleted' AND found_at > $4::timestamptz - interval '${OVERLAP}' GROUP BY series_id
) AS d ON d.series_id = s.id
WHERE s.tenant = $1 AND s.provider = $2 AND s.timeframe = $3 AND (c.series_id IS NOT NULL OR d.series_id IS NOT NULL)`;

/** Reads the destination and the server's time, and applies deletions, before the coverage is loaded. */
export async function lookFirst(client: Client, names: Names): Promise<Seen> {
  const destination = await readDestination(client, names);
  const at = await readTime(client);
  await takeUpDeletions(client, names);
  return { destination, at, versions: new Map() };
}

/** Reads the changes since the last look that others than `writer` have made. */
export async function lookAgain(
  client: Client,
  names: Names,
  owner: TenantOwner,
  writer: string,
  before: Seen | undefined,
): Promise<{ seen: Seen; news: CoverageNews }> {
  const now = await lookFirst(client, names);
  if (before === undefined) return { seen: now, news: { changed: new Map() } };
  const replaced = findDifference(before.destination, now.destination);
  if (replaced !== undefined) {
    return { seen: now, news: { changed: await loadCoverage(client, names, owner), replaced } };
  }
  const { tenant, provider, timeframe } = owner;
  const { rows } = await client.query<{ symbol: string; version: string }>(
    changedQuery(names),
    [tenant, provider, timeframe, before.at, writer],
  );
  const versions = new Map(rows.map(({ symbol, version }) => [symbol, version]));
  const symbols = rows.flatMap(({ symbol, version }) => before.versions.get(symbol) === version ? [] : [symbol]);
  const changed = symbols.length === 0 ? new Map() : await loadCoverage(client, names, owner, symbols);
  return { seen: { ...now, versions }, news: { changed } };
}

const readTime = async (client: Client): Promise<string> => (await client.query(NOW)).rows[0].now;
