/**
 * A lane into PostgreSQL, which writes batches through one connection at a time.
 *
 * @module
 */
import { finished } from "node:stream/promises";
import { Buffer } from "node:buffer";
import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { breaksConnection, CLOSED_LOAD, sqlState, TransientError } from "../../database/faults.ts";
import type { Database } from "../../database/database.ts";
import type { LoadBook } from "../../database/load_book.ts";
import { type Pool, PoolFullError } from "../../database/pool.ts";
import type { WriteCounts } from "../../events.ts";
import type { Rows } from "../../records/columns.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { SinkLane } from "../sink.ts";
import { BinaryWriter } from "./binary.ts";
import { logQuery } from "./log.ts";
import { type PreparedRows, prepareRows } from "./rows.ts";
import type { SeriesCheck } from "./series.ts";
import type { Session, SessionFacts } from "./session.ts";
import { claimRows, lookAtLoads } from "./loads.ts";
import {
  closedLoadError,
  copyPrelude,
  newerSchemaError,
  OTHER_SERIES,
  otherSeriesError,
  type WriteSettings,
} from "./verify.ts";

/** Options of {@linkcode openPostgresLane}. */
export interface PostgresLaneOptions {
  database: Database;
  pool: Pool;
  kind: RecordKind;
  tenant: string;
  /** Returns the session of a connection, with its facts. */
  sessionOf: (client: Client) => Promise<Session>;
  /** Longest time a write may take before its connection is given up, in milliseconds: a server may hang. */
  deadlineMs: number;
  /** The loads whose records are written. */
  loads?: LoadBook;
  /** Whether the keys of the rows are logged. @default {false} */
  logs?: boolean;
  /** Called with warnings about the database. */
  warn?: (message: string) => void;
}

/** Counts of an upsert. */
type Upserted = Pick<WriteCounts, "stored" | "updated"> & { readonly swallowed: number };

/** SQLSTATE of a limit that the server's configuration sets. */
const LIMIT_EXCEEDED = "53400";
/**
 * SQLSTATEs of a COPY after which the upsert gets the batch, since its error is more specific: a key that exists; a
 * table of another owner with row-level security; and binary values that do not fit the type of a column, such as
 * `numeric`.
 */
const LEFT_TO_UPSERT = new Set(["23505", "0A000", "08P01", "22P03"]);
/** Most batches that go straight to the upsert after COPY has met known keys again and again. */
const MAX_COPY_PAUSE = 64;

/** A write took longer than its deadline. It may be too large, so that fewer records could be written. */
export class WriteDeadlineError extends TransientError {
  override name = "WriteDeadlineError";
  readonly code = "ETIMEDOUT";
}

/** Opens a lane; it borrows a connection for each write. */
export function openPostgresLane(options: PostgresLaneOptions): SinkLane {
  const { database, pool, kind, tenant, sessionOf, deadlineMs, loads, logs = false, warn } = options;
  const writer = new BinaryWriter();
  const copyMemory = createCopyMemory(database.supportsCopy);
  const borrower = pool.enter(tenant);
  let isTold = false;

  /** Writes a batch; once more if the cached series or loads are no longer valid. */
  async function write(client: Client, rows: Rows): Promise<WriteCounts> {
    const session = await sessionOf(client);
    try {
      return await writeAs(session, rows);
    } catch (error) {
      const state = sqlState(error);
      if (state === CLOSED_LOAD) await lookAtLoads(session, loads!, warn);
      else if (state === OTHER_SERIES) {
        session.series.forget();
        loads?.forgetClaims();
      } else throw error;
      return await writeAs(session, rows);
    }
  }

  async function writeAs(session: Session, given: Rows): Promise<WriteCounts> {
    const { client, series, facts } = session;
    const rows = prepareRows(given, await series.intern(given), kind);
    const check = series.check(rows.ids);
    const { deduplicated, count } = rows;
    const known = await facts();
    const claimed = loads === undefined ? [] : await claimRows(session, loads, kind, rows);
    if (copyMemory.shouldTry()) {
      try {
        const stored = await unlimited(client, () => copy(session, rows, check, known.settings, claimed));
        copyMemory.worked();
        return tally({ stored, unchanged: 0, deduplicated }, count - stored);
      } catch (error) {
        const state = sqlState(error);
        if (state === undefined || !LEFT_TO_UPSERT.has(state)) throw error;
        copyMemory.failed();
      }
    }
    const { swallowed, ...written } = await unlimited(client, () => upsertWithin(session, rows, check, known, claimed));
    return tally({ ...written, unchanged: count - written.stored - swallowed, deduplicated }, swallowed);
  }

  /** The counts with swallowed rows, which are reported once. */
  function tally(counts: WriteCounts, swallowed: number): WriteCounts {
    if (swallowed === 0) return counts;
    if (!isTold) {
      warn?.(
        `The database takes records of ${kind.table} without an error and does not keep them: drop or mend the trigger ` +
          `before INSERT or UPDATE of the table ${kind.table}`,
      );
    }
    isTold = true;
    return { ...counts, swallowed };
  }

  /** Copies the rows, and returns how many of them the server has kept. */
  async function copy(
    { client, names, statements }: Session,
    rows: PreparedRows,
    check: SeriesCheck,
    settings: WriteSettings,
    claimed: readonly number[],
  ): Promise<number> {
    const bytes = writer.copy(rows, kind.columns);
    const log = logs ? logQuery(names, kind, rows) : "";
    const prelude = copyPrelude(kind.table, names, check, settings, claimed);
    const stream = client.query(copyFrom(prelude + log + statements.copy));
    stream.end(Buffer.from(bytes.buffer, 0, bytes.length));
    await finished(stream);
    return stream.rowCount;
  }

  /** Upserts, in a separate transaction if the statement timeout has to be set, as that must not outlive it. */
  async function upsertWithin(
    session: Session,
    rows: PreparedRows,
    check: SeriesCheck,
    facts: SessionFacts,
    claimed: readonly number[],
  ): Promise<Upserted> {
    const { client } = session;
    const { statementTimeoutMs } = facts.settings;
    if (statementTimeoutMs === undefined) return await upsert(session, rows, check, facts, claimed);
    await client.query(`BEGIN; SET LOCAL statement_timeout = ${Math.trunc(statementTimeoutMs)}`);
    try {
      const changed = await upsert(session, rows, check, facts, claimed);
      await client.query("COMMIT");
      return changed;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {});
      throw error;
    }
  }

  async function upsert(
    { client, statements }: Session,
    rows: PreparedRows,
    check: SeriesCheck,
    { settings: { synchronousCommit }, maySwallow, newRows }: SessionFacts,
    claimed: readonly number[],
  ): Promise<Upserted> {
    const parameters = writer.arrays(rows, kind.columns, Int32Array.from(check.ids)).map(toBuffer);
    const { rows: [{ is_same, is_newer, is_open, changed, inserted, touched }] } = claimed.length === 0
      ? await client.query(statements.upsert[newRows], [...parameters, String(check.mark), synchronousCommit])
      : await client.query(statements.keepingUpsert[newRows], [
        ...[...parameters, String(check.mark), synchronousCommit],
        ...[claimed, claimed.map(loads!.timesOf)],
      ]);
    if (is_newer) throw newerSchemaError();
    if (is_open === false) throw closedLoadError();
    if (!is_same) throw otherSeriesError();
    const stored = Math.max(0, changed - touched);
    const updated = inserted === null ? null : stored - inserted;
    const written = { stored, ...(updated === 0 ? {} : { updated }) };
    if (!maySwallow) return { ...written, swallowed: 0 };
    // The upsert counts unchanged and swallowed rows alike: only their keys distinguish them.
    const columns = kind.keyColumns.map((name) => kind.columns.find((column) => column.name === name)!);
    const keys = writer.arrays(rows, columns).map(toBuffer);
    const { rows: [{ count }] } = await client.query(statements.count, keys);
    return { ...written, swallowed: rows.count - count };
  }

  /**
   * Writes again, once, if TimescaleDB has refused to decompress as much as needed: its limit guards against careless
   * statements, and a batch is bounded. Otherwise the batch would be refused for ever, as if the server were out of
   * resources.
   */
  async function unlimited<T>(client: Client, fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      if (sqlState(error) !== LIMIT_EXCEEDED) throw error;
      await client.query("SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0");
      return await fn();
    }
  }

  return {
    async write(rows, signal) {
      while (true) {
        // Outside the deadline: waiting for others' writes is not a fault of the database.
        const lease = await borrower.take(signal);
        try {
          const work = database.turn(async () => await write(await lease.connect(), rows));
          const counts = await beforeDeadline(work, deadlineMs, signal);
          lease.release();
          return counts;
        } catch (error) {
          // The server continues a write that was given up, for any reason.
          const isFull = error instanceof PoolFullError && !signal.aborted;
          if (!isFull && (signal.aborted || breaksConnection(error))) lease.drop();
          else lease.release();
          if (!isFull) throw error;
        }
      }
    },
    [Symbol.asyncDispose]: () => borrower[Symbol.asyncDispose](),
  };
}

/**
 * Remembers whether COPY is worth a try. Live bars are nearly always new and COPY is twice as fast, but for known keys
 * each try fails; so each failure in a row doubles the number of batches that go straight to the upsert.
 */
function createCopyMemory(supported: boolean) {
  let failures = 0;
  let pause = 0;
  return {
    shouldTry: () => supported && pause-- <= 0,
    worked() {
      failures = 0;
      pause = 0;
    },
    failed() {
      pause = Math.min(2 ** failures, MAX_COPY_PAUSE);
      failures++;
    },
  };
}

/** The bytes in the driver's type for binary values. */
function toBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Waits for `work` until the deadline or the signal. A later result of `work` is ignored. */
async function beforeDeadline<T>(work: Promise<T>, deadlineMs: number, signal: AbortSignal): Promise<T> {
  let cleanUp = () => {};
  const given = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => {
      reject(new WriteDeadlineError(`Cannot finish a write within ${deadlineMs} ms: the database does not answer`));
    }, deadlineMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    cleanUp = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, given]);
  } finally {
    cleanUp();
  }
}
