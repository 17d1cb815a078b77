/**
 * Interning of series: `(tenant, provider, symbol, timeframe)` becomes a small integer, so that a bar's key is half the
 * size and its index twice as fast.
 *
 * @module
 */
import type { Client } from "pg";
import type { MarketRecord, RecordKind, SeriesKey } from "../../records/record.ts";

const FIND = `SELECT id, provider, symbol, timeframe FROM series
JOIN unnest($2::text[], $3::text[], $4::text[]) AS wanted (provider, symbol, timeframe)
  USING (provider, symbol, timeframe) WHERE tenant = $1`;
const ADD = `INSERT INTO series (tenant, provider, symbol, timeframe)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[]) ORDER BY 2, 3, 4 ON CONFLICT DO NOTHING`;

/** The identifiers of series, as one connection knows them. */
export interface SeriesIndex {
  /** The id of each record's series, in the order of the records. Unknown series are added to the database. */
  intern(records: readonly MarketRecord[]): Promise<Int32Array<ArrayBuffer>>;
}

/**
 * Makes an index that remembers what it has seen.
 *
 * It lives with one connection and is dropped with it: after a failover to a server that lacks the last commits, an id
 * remembered from before could belong to another series. Ids are added by statements of their own, as one added in a
 * transaction that is rolled back would be remembered wrongly.
 */
export function createSeriesIndex(client: Client, kind: RecordKind<MarketRecord>, tenant: string): SeriesIndex {
  /** Symbol to id, for each provider and timeframe. */
  const groups = new Map<string, Map<string, number>>();
  let group = new Map<string, number>();
  let groupProvider = "";
  let groupTimeframe = "";

  function lookUp({ provider, symbol, timeframe }: SeriesKey): number | undefined {
    if (provider !== groupProvider || timeframe !== groupTimeframe) {
      const name = `${provider}\n${timeframe}`;
      group = groups.get(name) ?? new Map();
      groups.set(name, group);
      groupProvider = provider;
      groupTimeframe = timeframe;
    }
    return group.get(symbol);
  }

  async function learn(unknown: readonly SeriesKey[]): Promise<void> {
    const parameters = [
      tenant,
      unknown.map(({ provider }) => provider),
      unknown.map(({ symbol }) => symbol),
      unknown.map(({ timeframe }) => timeframe),
    ];
    let { rows } = await client.query(FIND, parameters);
    if (rows.length < unknown.length) {
      await client.query(ADD, parameters);
      // Asked again rather than RETURNING: another process may have added some in between.
      rows = (await client.query(FIND, parameters)).rows;
    }
    for (const row of rows) {
      lookUp(row);
      group.set(row.symbol, row.id);
    }
  }

  return {
    async intern(records) {
      const ids = new Int32Array(records.length);
      const unknown = new Map<string, SeriesKey>();
      for (let at = 0; at < records.length; at++) {
        const key = kind.series(records[at]);
        const id = lookUp(key);
        if (id === undefined) unknown.set(`${key.provider}\n${key.symbol}\n${key.timeframe}`, key);
        else ids[at] = id;
      }
      if (unknown.size === 0) return ids;
      await learn([...unknown.values()]);
      for (let at = 0; at < records.length; at++) {
        const key = kind.series(records[at]);
        const id = lookUp(key);
        if (id === undefined) throw new Error(`Cannot find series "${key.symbol}" after adding it: was it deleted?`);
        ids[at] = id;
      }
      return ids;
    },
  };
}
