/**
 * The archive: past days are written to files, and deleted from the database only after the files were read back.
 *
 * For each day the order is: file, read back, manifest, mark in the manifest, deletion. A kill between any two of them
 * leaves a state from which the next run continues, and no row is ever in neither place.
 *
 * @module
 */
import type { ArchivePlan } from "../../config/archive.ts";
import { type Database, endClient, withClient } from "../../database/database.ts";
import { chooseSeries, type ChosenSeries } from "../../database/series_rows.ts";
import { escapeHive } from "../../files/hive.ts";
import { recordKind } from "../../records/mod.ts";
import type { ExportForm } from "../manifest.ts";
import type { ExportPlace } from "../place.ts";
import { openBook } from "./book.ts";
import { ARCHIVE_KEYS, type ArchiveCounts, archiveDay, type ArchiveTask, daysOf } from "./day.ts";
import { dropDays } from "./drop.ts";

export type { ArchiveCounts } from "./day.ts";

/** Options of {@linkcode runArchive}. */
export interface ArchiveOptions {
  readonly database: Database;
  readonly plan: ArchivePlan;
  /** Opens the place of an address. */
  readonly openPlace: (address: string) => Promise<ExportPlace>;
  /** @default {Date.now()} */
  readonly now?: number;
  readonly warn?: (message: string) => void;
  readonly signal?: AbortSignal;
}

const DAY_MS = 86_400_000;
/** SQLSTATE of a lock that another transaction has. */
const LOCK_NOT_AVAILABLE = "55P03";

/** Archives past days, and drops those older than the retention. */
export async function runArchive(options: ArchiveOptions): Promise<ArchiveCounts> {
  await using _lock = await lockArchive(options.database, options.signal);
  const { database, plan, openPlace, now = Date.now(), warn = () => {}, signal } = options;
  const counts: ArchiveCounts = { files: 0, archived: 0, dropped: 0 };
  const tasks: ArchiveTask[] = [];
  for (const name of plan.kinds) {
    for (const [tenant, series] of await findSeries(database, name)) {
      const place = await openPlace(below(plan.output, `${escapeHive(tenant)}/${name}`));
      const form: ExportForm = {
        ...{ kind: name, format: "parquet", compression: plan.compression, partitionBy: ARCHIVE_KEYS } as const,
        selection: { tenant, providers: null, symbols: null, timeframes: null, from: null, to: null },
      };
      const book = await openBook(place, form);
      tasks.push({ database, kind: recordKind(name), series, form, place, book, counts, warn, signal });
    }
  }
  const until = startOfDay(now - plan.afterMs);
  for (const task of tasks) {
    for (const day of await daysOf(task, until)) {
      if (task.book.filesOf(day.path).length === 0) await archiveDay(task, day);
    }
  }
  if (plan.retentionMs !== undefined) await dropDays(tasks, Math.min(until, startOfDay(now - plan.retentionMs)));
  return counts;
}

/**
 * Locks the archive against other processes. The embedded database is open to one process alone.
 *
 * The lock is one on a table of writers, held by an idle transaction: no reader of a tenant can take it, and a pooler keeps
 * the connection as long. It lets everything else that uses the table through.
 *
 * @throws {Error} If another process has the lock.
 */
async function lockArchive(database: Database, signal?: AbortSignal): Promise<AsyncDisposable> {
  if (!database.supportsCopy) return { async [Symbol.asyncDispose]() {} };
  const client = await database.connect(signal);
  try {
    const { of } = await database.names(client);
    await client.query(
      "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '2s'",
    );
    await client.query(`LOCK TABLE ${of("stream_trim")} IN SHARE UPDATE EXCLUSIVE MODE`);
  } catch (error) {
    await endClient(client);
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new Error("Cannot archive: another process is archiving the same database", { cause: error });
  }
  return { [Symbol.asyncDispose]: () => endClient(client) };
}

const startOfDay = (ms: number) => Math.floor(ms / DAY_MS) * DAY_MS;

/** An address below another; a query after `?` stays at the end. */
function below(address: string, path: string): string {
  const [, base, query] = /^(.*?)\/*(\?.*)?$/.exec(address)!;
  return `${base}/${path}${query ?? ""}`;
}

/** The series of a kind by their tenants. */
async function findSeries(database: Database, kind: string): Promise<Map<string, ChosenSeries[]>> {
  return await withClient(database, async (client, names) => {
    const { rows } = await client.query(`SELECT DISTINCT s.tenant FROM ${names.of("series_key")} s ORDER BY 1`);
    const found = new Map<string, ChosenSeries[]>();
    for (const { tenant } of rows) {
      const series = await chooseSeries(client, names, { tenant, kind });
      if (series.length > 0) found.set(tenant, series);
    }
    return found;
  });
}
