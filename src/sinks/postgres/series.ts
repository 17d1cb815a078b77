/**
 * Interning of series: `(tenant, provider, symbol, timeframe)` becomes a small integer, so that a bar's key is half the
 * size and its index twice as fast.
 *
 * @module
 */
import type { Client } from "pg";
import { sqlState, TransientError } from "../../database/faults.ts";
import { literal, type Names } from "../../database/names.ts";
import type { Rows } from "../../records/columns.ts";
import type { SeriesKey } from "../../records/record.ts";
import type { SeriesDictionary } from "../../records/series_dictionary.ts";
import { createSeriesMap } from "../../records/series_map.ts";

/**
 * A 64-bit number for an id together with its names, computed by the server, again in each transaction that writes rows
 * under the id; see `verify.ts`.
 */
export const MARK = "hashtextextended(concat_ws(E'\\n', s.tenant, s.provider, s.symbol, s.timeframe), s.id)";

const findQuery = ({ of }: Names) =>
  `SELECT s.id, s.provider, s.symbol, s.timeframe, ${MARK}::text AS mark FROM ${of("series_key")} s
JOIN unnest($2::text[], $3::text[], $4::text[]) AS asked (provider, symbol, timeframe)
  ON (s.provider, s.symbol, s.timeframe) = (asked.provider, asked.symbol, asked.timeframe) WHERE s.tenant = $1`;
const addStatement = ({ of }: Names) =>
  `INSERT INTO ${of("series_key")} AS s (tenant, provider, symbol, timeframe)
SELECT $1, asked.* FROM unnest($2::text[], $3::text[], $4::text[]) AS asked (provider, symbol, timeframe) ORDER BY 2, 3, 4
ON CONFLICT (tenant, provider, symbol, timeframe) DO NOTHING`;
const catchUpQuery = ({ of }: Names) =>
  `SELECT setval(pg_get_serial_sequence(${literal(of("series_key"))}, 'id'), max(s.id)) AS last FROM ${
    of("series_key")
  } s`;
/** SQLSTATE of an existing key. */
const UNIQUE_VIOLATION = "23505";

/** The halves of a mark as numbers: each `^` of a bigint allocates another. */
interface Mark {
  readonly upper: number;
  readonly lower: number;
}

const markOf = (mark: bigint): Mark => ({ upper: Number(mark >> 32n), lower: Number(BigInt.asIntN(32, mark)) });

/** The proof about the series of its rows that a transaction must find. */
export interface SeriesCheck {
  /** Ids, each once. */
  readonly ids: readonly number[];
  /** Their marks, combined by exclusive or. */
  readonly mark: bigint;
}

/** The ids of series, cached for one connection. They are valid only while a {@linkcode SeriesCheck} holds. */
export interface SeriesIndex {
  /** The id of each row's series, in their order. Unknown series are added to the database. */
  intern(rows: Rows): Promise<Int32Array<ArrayBuffer>>;
  /** The proof that these ids, in ascending order, still belong to their series. */
  check(ids: Int32Array): SeriesCheck;
  /** Drops all ids: the database has others. */
  forget(): void;
}

/** Options of {@linkcode createSeriesIndex}. */
export interface SeriesIndexOptions {
  client: Client;
  names: Names;
  tenant: string;
  /** Called with warnings about the database. */
  warn?: (message: string) => void;
}

/**
 * Creates an index that caches ids. Separate statements add ids, since an id added in a transaction that is rolled back
 * would stay in the cache.
 */
export function createSeriesIndex({ client, names, tenant, warn }: SeriesIndexOptions): SeriesIndex {
  /** Ids by series. */
  const known = createSeriesMap<number>();
  const marks = new Map<number, Mark>();
  /** The same by the code in each dictionary; 0 where it is unknown. */
  let byCode = new WeakMap<SeriesDictionary, number[]>();

  /** The ids of a dictionary's series, by code. */
  function idsOf(series: SeriesDictionary): number[] {
    let ids = byCode.get(series);
    if (ids === undefined) byCode.set(series, ids = []);
    for (let code = ids.length; code < series.keys.length; code++) ids.push(known.get(series.keys[code]) ?? 0);
    return ids;
  }

  /** Reads ids of series, and adds missing series to the database. */
  async function learn(keys: readonly SeriesKey[]): Promise<void> {
    await find(keys);
    // Only these: each offered row takes a number of the sequence, even if it exists.
    const missing = keys.filter((key) => known.get(key) === undefined);
    if (missing.length > 0) {
      await add(missing);
      // Read again instead of RETURNING: another process may have added some in between.
      await find(missing);
    }
    byCode = new WeakMap();
  }

  function parametersOf(keys: readonly SeriesKey[]): unknown[] {
    return [
      tenant,
      keys.map(({ provider }) => provider),
      keys.map(({ symbol }) => symbol),
      keys.map(({ timeframe }) => timeframe),
    ];
  }

  async function find(keys: readonly SeriesKey[]): Promise<void> {
    const { rows } = await client.query(findQuery(names), parametersOf(keys));
    for (const row of rows) {
      known.set(row, row.id);
      marks.set(row.id, markOf(BigInt(row.mark)));
    }
  }

  async function add(keys: readonly SeriesKey[]): Promise<void> {
    try {
      await client.query(addStatement(names), parametersOf(keys));
    } catch (error) {
      // Names cannot collide, so an id does: the sequence is behind its table, as after logical replication.
      if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
      const { rows: [{ last }] } = await client.query(catchUpQuery(names));
      warn?.(`The sequence of series_key.id was behind its table, it goes on after ${last} now`);
      await client.query(addStatement(names), parametersOf(keys));
    }
  }

  return {
    async intern({ slices, count }) {
      const unknown = new Set<SeriesKey>();
      for (const { columns: { series, cells }, from, count } of slices) {
        const ids = idsOf(series);
        for (let at = from; at < from + count; at++) {
          if (ids[cells[at]] === 0) unknown.add(series.keys[cells[at]]);
        }
      }
      if (unknown.size > 0) await learn([...unknown]);
      const ids = new Int32Array(count);
      let next = 0;
      for (const { columns: { series, cells }, from, count } of slices) {
        const known = idsOf(series);
        for (let at = from; at < from + count; at++) {
          const id = known[cells[at]];
          if (id === 0) {
            throw new TransientError(
              `Cannot find series "${series.keys[cells[at]].symbol}" after adding it: was it deleted?`,
            );
          }
          ids[next++] = id;
        }
      }
      return ids;
    },
    check(ids) {
      const distinct: number[] = [];
      let upper = 0;
      let lower = 0;
      for (let at = 0; at < ids.length; at++) {
        if (at > 0 && ids[at] === ids[at - 1]) continue;
        distinct.push(ids[at]);
        const mark = marks.get(ids[at])!;
        upper ^= mark.upper;
        lower ^= mark.lower;
      }
      return { ids: distinct, mark: BigInt(upper) << 32n | BigInt(lower >>> 0) };
    },
    forget() {
      known.clear();
      marks.clear();
      byCode = new WeakMap();
    },
  };
}
