/**
 * The memory of times in which a market was open and nothing was traded, as the provider's history has confirmed.
 *
 * @module
 */
import type { Client } from "pg";
import type { Range } from "../calendar/mod.ts";

/** Ranges that are read at once. */
const PAGE = 1000;

/** The remembered ranges of a series that end after `from` (epoch ms), by their start; they may overlap. */
export async function* readNoTrade(client: Client, seriesId: number, from: number): AsyncGenerator<Range> {
  for (let after = -Infinity;;) {
    const { rows } = await client.query<Range>({
      name: "read-no-trade",
      text:
        `SELECT (extract(epoch FROM n.starts) * 1000)::float8 AS "from", (extract(epoch FROM n.ends) * 1000)::float8 AS "to"
FROM no_trade n WHERE n.series_id = $1 AND n.starts > to_timestamp($2) AND n.ends > to_timestamp($3)
ORDER BY n.starts LIMIT ${PAGE}`,
      values: [seriesId, after / 1000, from / 1000],
    });
    yield* rows;
    if (rows.length < PAGE) return;
    after = rows[PAGE - 1].from;
  }
}

/** Remembers ranges of a series. What another process has remembered meanwhile stays. */
export async function rememberNoTrade(client: Client, seriesId: number, ranges: readonly Range[]): Promise<void> {
  await client.query(
    `INSERT INTO no_trade (series_id, starts, ends)
SELECT $1, to_timestamp(r.starts), to_timestamp(r.ends) FROM unnest($2::float8[], $3::float8[]) AS r (starts, ends) ORDER BY 2
ON CONFLICT (series_id, starts) DO UPDATE SET ends = excluded.ends, confirmed_at = excluded.confirmed_at
WHERE no_trade.ends < excluded.ends`,
    [seriesId, ranges.map(({ from }) => from / 1000), ranges.map(({ to }) => to / 1000)],
  );
}
