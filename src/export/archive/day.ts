/**
 * Archives one day: writes its rows to a file, and reads that back.
 *
 * @module
 */
import { type Database, withClient } from "../../database/database.ts";
import type { ChosenSeries } from "../../database/series_rows.ts";
import { escapeHive } from "../../files/hive.ts";
import type { RecordKind } from "../../records/kind.ts";
import { columnsOf } from "../columns.ts";
import { writeFile } from "../file.ts";
import type { ExportForm } from "../manifest.ts";
import { type Partition, partitionsOf } from "../partitions.ts";
import type { ExportPlace } from "../place.ts";
import { createRowReader } from "../rows.ts";
import { type ArchiveBook, type ArchivedFile, numberOf } from "./book.ts";
import { digestRows, inArchiving } from "./digest.ts";
import { readBack } from "./read_back.ts";

/** Keys that divide an archive. */
export const ARCHIVE_KEYS = ["provider", "date"] as const;

/** Counts of a run of the archive. */
export interface ArchiveCounts {
  /** Number of written files, and of their rows. */
  files: number;
  archived: number;
  /** Number of rows dropped from the database. */
  dropped: number;
}

/** The days of a kind and tenant to archive. */
export interface ArchiveTask {
  readonly database: Database;
  readonly kind: RecordKind;
  readonly series: readonly ChosenSeries[];
  readonly form: ExportForm;
  readonly place: ExportPlace;
  readonly book: ArchiveBook;
  readonly counts: ArchiveCounts;
  readonly warn: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** The days of the database from `from` on that end by `until`; in epoch ms. */
export async function daysOf(
  { database, kind, series }: ArchiveTask,
  until: number,
  from?: number,
): Promise<Partition[]> {
  const { supportsCopy } = database;
  return await withClient(database, (client, names) =>
    inArchiving(client, "READ COMMITTED", () =>
      Array.fromAsync(
        partitionsOf({ client, names, supportsCopy }, kind, series, ARCHIVE_KEYS, { from, to: until }),
        // Rows of series that are added meanwhile belong to the day, too.
        (day) => ({
          ...day,
          ids: series.filter(({ provider }) => day.path.startsWith(`provider=${escapeHive(provider)}/`)).map(({ id }) =>
            id
          ),
        }),
      )));
}

/**
 * Writes the rows of a day to a file, reads it back, and records it. A file whose rows may be deleted from the database
 * is never overwritten: later rows go into a further file.
 */
export async function archiveDay(task: ArchiveTask, day: Partition): Promise<ArchivedFile | undefined> {
  const { database, kind, series, form, place, book, counts, signal } = task;
  signal?.throwIfAborted();
  const last = book.filesOf(day.path).at(-1);
  const number = last === undefined ? 0 : numberOf(last.path) + (last.isLetGo ? 1 : 0);
  const path = `${day.path}/part-${number}.parquet`;
  const exportedAt = new Date().toISOString();
  // Both see the same rows.
  const written = await withClient(database, (client, names) =>
    inArchiving(client, "REPEATABLE READ", async () => {
      const { count, digest } = await digestRows(client, names, kind, day);
      const columns = columnsOf(kind, ARCHIVE_KEYS);
      const session = { client, names, supportsCopy: database.supportsCopy };
      const rows = createRowReader(session, kind, columns, series).read(day);
      const facts = await writeFile(place, path, form, columns, rows);
      if (facts !== undefined && facts.rows !== count) {
        throw new Error(`Cannot archive "${path}": ${facts.rows} rows were written, the database counted ${count}`);
      }
      return facts && { ...facts, digest };
    }));
  if (written === undefined) return undefined;
  const provider = series.find(({ id }) => id === day.ids[0])!.provider;
  const file: ArchivedFile = { path, provider, ...written, exportedAt, isLetGo: false };
  await readBack(place, file);
  await book.put(file);
  counts.files++;
  counts.archived += file.rows;
  return file;
}
