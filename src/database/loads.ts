/**
 * Records loads of files: their files, and times of receipt that no other writer uses.
 *
 * @module
 */
import type { Client } from "pg";
import { createLoadBook, type LoadBook, type Times } from "./load_book.ts";
import type { Names } from "./names.ts";
import { inTransaction } from "./transaction.ts";

/** A file of a load; for standard input and pipes, size and digest are not known in advance. */
export interface LoadedFile {
  readonly path: string;
  readonly size?: number;
  /** SHA-256, in hexadecimal. */
  readonly sha256?: string;
}

/** An earlier load of the same bytes. */
export interface EarlierLoad {
  readonly id: number;
  /** When it began, in epoch milliseconds. */
  readonly beganAt: number;
  readonly sha256: string;
  readonly path: string;
  /** Whether its run has ended. */
  readonly isEnded: boolean;
}

/** Records the loads of a tenant. */
export interface LoadStore {
  /** The loads whose records this process writes. */
  readonly book: LoadBook;
  /** The newest load of a file with each of these digests that was not undone. */
  findEarlier(digests: readonly string[], signal: AbortSignal): Promise<readonly EarlierLoad[]>;
  /** Begins a load, and returns its id. */
  begin(command: string, files: readonly LoadedFile[], signal: AbortSignal): Promise<number>;
  /** Adds files to a load. */
  add(load: number, files: readonly LoadedFile[], signal: AbortSignal): Promise<void>;
  /** Reserves times of receipt for a load, starting at `from` or later: they follow those of all earlier loads. */
  reserve(load: number, from: number, signal: AbortSignal): Promise<Times>;
  /** Records the end of a load, which has used its times up to `used`. */
  finish(load: number, end: { readonly ledger: object; readonly used: number }, signal: AbortSignal): Promise<void>;
}

/** Options of {@linkcode recordLoads}. */
export interface RecordLoadsOptions {
  readonly tenant: string;
  /** Runs a piece of work on a connection, and aborts it with the signal. */
  readonly run: <T>(work: (client: Client, names: Names) => Promise<T>, signal: AbortSignal) => Promise<T>;
}

/** Times reserved at once, in microseconds: as many records can be read before the next reservation. */
export const RESERVED_US = 4_000_000;

const earlierQuery = ({ of }: Names) =>
  `SELECT DISTINCT ON (f.file ->> 'sha256') l.id, (extract(epoch FROM l.began_at) * 1000)::float8 AS "beganAt",
  f.file ->> 'sha256' AS sha256, f.file ->> 'path' AS path, l.ended_at IS NOT NULL AS "isEnded"
FROM ${of("load")} l CROSS JOIN jsonb_array_elements(l.files) AS f (file)
WHERE l.tenant = $1 AND l.undo_began_at IS NULL AND f.file ->> 'sha256' = ANY ($2)
ORDER BY f.file ->> 'sha256', l.ended_at IS NULL, l.id DESC`;
const beginStatement = ({ of }: Names) =>
  `INSERT INTO ${of("load")} (tenant, command, files) VALUES ($1, $2, $3) RETURNING id`;
const addStatement = ({ of }: Names) => `UPDATE ${of("load")} SET files = files || $2::jsonb WHERE id = $1`;
// Ignores times from a clock that was wrong by days, which would push all later ones.
const reserveStatement = ({ of }: Names) =>
  `INSERT INTO ${of("load_time")} (load_id, starts, ends)
SELECT $1, s.starts, s.starts + $3 * interval '1 microsecond'
FROM (
  SELECT greatest(g.given, (
    SELECT max(t.ends) FROM ${of("load_time")} t WHERE t.ends < g.given + interval '1 day'
  )) AS starts
  FROM (SELECT timestamptz 'epoch' + $2 * interval '1 microsecond' AS given) AS g
) AS s
RETURNING (extract(epoch FROM starts) * 1000000)::float8 AS starts`;
const finishStatement = ({ of }: Names) =>
  `UPDATE ${of("load")} SET ended_at = clock_timestamp(), ledger = $2 WHERE id = $1`;

// Returns the unused times of the last reservation, so that the next load does not have to start after them.
const releaseStatement = ({ of }: Names) =>
  `UPDATE ${of("load_time")} SET ends = timestamptz 'epoch' + $2 * interval '1 microsecond'
WHERE load_id = $1 AND starts < timestamptz 'epoch' + $2 * interval '1 microsecond'
  AND ends > timestamptz 'epoch' + $2 * interval '1 microsecond'`;

/** Records loads in a database. */
export function recordLoads({ tenant, run }: RecordLoadsOptions): LoadStore {
  const book = createLoadBook();
  return {
    book,
    findEarlier: (digests, signal) =>
      run(async (client, names) => (await client.query(earlierQuery(names), [tenant, digests])).rows, signal),
    begin: (command, files, signal) =>
      run(async (client, names) => {
        const { rows } = await client.query(beginStatement(names), [tenant, command, JSON.stringify(files)]);
        return rows[0].id;
      }, signal),
    add: (load, files, signal) =>
      run(async (client, names) => {
        await client.query(addStatement(names), [load, JSON.stringify(files)]);
      }, signal),
    reserve: (load, from, signal) =>
      run(async (client, names) => {
        const [start] = await inTransaction(client, async () => {
          // One at a time, so that no two reservations overlap.
          await client.query(`LOCK TABLE ${names.of("load_time")} IN SHARE ROW EXCLUSIVE MODE`);
          return (await client.query(reserveStatement(names), [load, from, RESERVED_US])).rows;
        });
        const times: Times = [Math.round(start.starts), Math.round(start.starts) + RESERVED_US];
        book.reserved(load, times);
        return times;
      }, signal),
    finish: (load, { ledger, used }, signal) =>
      run(async (client, names) => {
        await book.settle(client, names, load);
        await client.query(releaseStatement(names), [load, used]);
        await client.query(finishStatement(names), [load, JSON.stringify(ledger)]);
      }, signal),
  };
}
