/**
 * Records the reads of history in flight, so that readers in several processes keep the order of their observations.
 *
 * A reader that finds an old bar unchanged leaves its row and the older time of receipt alone. The answer of a read
 * that began earlier, stored later, would then replace the row. So each read of old bars is recorded before history is
 * asked. While another process reads a bar, an unchanged row takes the newer time of receipt; see
 * `sinks/postgres/statements.ts`. Rows of recent bars always take it.
 *
 * @module
 */
import type { Client } from "pg";
import type { SeriesOwner } from "../coverage/store.ts";
import type { Interval } from "../records/intervals.ts";
import { literal, type Names } from "./names.ts";

/** Records reads of history. */
export interface HistoryReads {
  /**
   * Records that history is about to be asked for a range of each symbol. Disposing of the record means that all bars
   * of the read are stored or given up. `undefined` if the bars are so recent that none is needed.
   *
   * @throws {Error} If the database cannot store the record.
   */
  begin(
    owner: SeriesOwner,
    asked: ReadonlyMap<string, Interval>,
    signal: AbortSignal,
  ): Promise<AsyncDisposable | undefined>;
}

/** Options of {@linkcode noteHistoryReads}. */
export interface HistoryReadsOptions {
  readonly tenant: string;
  /** UUID of this process. */
  readonly reader: string;
  /** Runs a piece of work on a connection, and aborts it with the signal. */
  readonly run: <T>(work: (client: Client, names: Names) => Promise<T>, signal?: AbortSignal) => Promise<T>;
}

/**
 * Age of a bar, in days, up to which it is recent: a live feed or its journal may still have other observations of it.
 */
const RECENT_DAYS = 7;
/** The same in SQL. */
export const RECENT = `interval '${RECENT_DAYS} days'`;
/** How long a record is valid, in days: its process may have been killed, or have left the bars in its journal. */
const NOTED_DAYS = 1;
const NOTED = `interval '${NOTED_DAYS} days'`;
/** Bars of this age, in milliseconds, are no longer recent before a record expires. */
const OLD_MS = (RECENT_DAYS - NOTED_DAYS) * 24 * 60 * 60_000;

const beginStatement = ({ of }: Names) =>
  `WITH expired AS (DELETE FROM ${of("history_read")} h WHERE h.began_at < clock_timestamp() - ${NOTED})
INSERT INTO ${of("history_read")} (id, reader, tenant, provider, timeframe, symbols, starts, ends)
VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000), to_timestamp($8::float8 / 1000))`;
const endStatement = ({ of }: Names) => `DELETE FROM ${of("history_read")} h WHERE h.id = $1`;

/**
 * A query for the reads of other processes: the ids of their series among the given ones, and the times of the bars.
 */
export const otherReadsQuery = ({ of }: Names, reader: string, ids: string): string =>
  `SELECT s.id, h.starts, h.ends FROM ${of("history_read")} h JOIN ${of("series_key")} s
    ON s.tenant = h.tenant AND s.provider = h.provider AND s.timeframe = h.timeframe AND s.symbol = ANY (h.symbols)
  WHERE s.id = ANY (${ids}) AND h.began_at > now() - ${NOTED} AND h.reader <> ${literal(reader)}::uuid`;

/** Records reads in the database. */
export function noteHistoryReads({ tenant, reader, run }: HistoryReadsOptions): HistoryReads {
  return {
    async begin({ provider, timeframe }, asked, signal) {
      const ranges = [...asked.values()];
      const starts = Math.min(...ranges.map(([from]) => from));
      const ends = Math.max(...ranges.map(([, to]) => to));
      if (starts > Date.now() - OLD_MS) return undefined;
      const id = crypto.randomUUID();
      try {
        await run(async (client, names) => {
          await client.query(beginStatement(names), [
            ...[id, reader, tenant, provider, timeframe],
            ...[[...asked.keys()], starts, ends],
          ]);
        }, signal);
      } catch (cause) {
        signal.throwIfAborted();
        throw new Error(`Cannot note in the database that history is read: ${(cause as Error).message}`, { cause });
      }
      return {
        async [Symbol.asyncDispose]() {
          try {
            await run(async (client, names) => {
              await client.query(endStatement(names), [id]);
            });
          } catch {
            // A record that remains expires.
          }
        },
      };
    },
  };
}
