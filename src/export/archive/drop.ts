/**
 * Drops archived days from the database: only rows with the digest of a file that was just read back.
 *
 * @module
 */
import type { Client } from "pg";
import { withClient } from "../../database/database.ts";
import type { Names } from "../../database/names.ts";
import type { RowDigest } from "../../database/row_digest.ts";
import type { RowChoice } from "../choice.ts";
import type { Partition } from "../partitions.ts";
import type { ArchivedFile } from "./book.ts";
import { countBars, dropChunks, type DueChunks, findChunks } from "./chunks.ts";
import { archiveDay, type ArchiveTask, daysOf } from "./day.ts";
import { deleteRows, digestRows, inArchiving } from "./digest.ts";
import { readBack } from "./read_back.ts";

/** Most attempts for a day that is being written to; the next run tries again. */
const ATTEMPTS = 3;

const isSame = (file: ArchivedFile, { count, digest }: RowDigest) => file.rows === count && file.digest === digest;

/** Drops the days that end by a time. */
export async function dropDays(tasks: readonly ArchiveTask[], until: number): Promise<void> {
  const bars = tasks.filter(({ kind }) => kind.name === "bar");
  const chunks = bars.length === 0 ? undefined : await findChunks(bars[0].database, until);
  for (const task of tasks) {
    if (chunks !== undefined && bars.includes(task)) continue;
    for (const day of await daysOf(task, until)) await dropDay(task, day);
  }
  for (const due of chunks ?? []) await dropDue(bars, due);
}

/** Deletes the rows of a day. */
async function dropDay(task: ArchiveTask, day: Partition): Promise<void> {
  const { database, kind, counts, warn } = task;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const file = await letGo(task, day);
    if (file === undefined) return;
    const gone = await withClient(database, (client, names) =>
      inArchiving(client, "READ COMMITTED", async () => {
        if (kind.name === "bar") await forgetCoverage(client, names, day);
        return await deleteRows(client, names, kind, day);
      }, (gone) => isSame(file, gone)));
    if (!isSame(file, gone)) continue;
    counts.dropped += gone.count;
    return;
  }
  warn(`Kept "${day.path}" in the database: it is written to while it is archived`);
}

/** Drops chunks of the bars, with the days of all tenants in them. */
async function dropDue(tasks: readonly ArchiveTask[], due: DueChunks): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const archived: { readonly task: ArchiveTask; readonly day: Partition; readonly file: ArchivedFile }[] = [];
    for (const task of tasks) {
      for (const day of await daysOf(task, due.to, due.from)) {
        const file = await letGo(task, day);
        if (file !== undefined) archived.push({ task, day, file });
      }
    }
    const isDropped = await withClient(
      tasks[0].database,
      (client, names) =>
        dropChunks(client, names, due, async () => {
          for (const { task, day, file } of archived) {
            if (!isSame(file, await digestRows(client, names, task.kind, day))) return false;
          }
          // Others may have added series meanwhile.
          return await countBars(client, names, due) === archived.reduce((sum, { file }) => sum + file.rows, 0);
        }),
    );
    for (const { task, file } of isDropped ? archived : []) task.counts.dropped += file.rows;
    if (isDropped) return;
  }
  tasks[0].warn(`Kept bars from ${new Date(due.from).toISOString()} on: they are written to while they are archived`);
}

/**
 * Finds or writes the file that has exactly the rows of a day, reads it back, and marks it: from then on the rows may
 * be deleted. `undefined` without rows.
 */
async function letGo(task: ArchiveTask, day: Partition): Promise<ArchivedFile | undefined> {
  const { database, kind, place, book, signal } = task;
  signal?.throwIfAborted();
  const now = await withClient(
    database,
    (client, names) => inArchiving(client, "READ COMMITTED", () => digestRows(client, names, kind, day)),
  );
  if (now.count === 0) return undefined;
  const file = book.filesOf(day.path).findLast((each) => isSame(each, now)) ?? await archiveDay(task, day);
  if (file === undefined) return undefined;
  await readBack(place, file);
  const marked = { ...file, isLetGo: true };
  if (!file.isLetGo) await book.put(marked);
  return marked;
}

/** Deletes the coverage of bars up to the end of a day, as bars dropped on purpose are not missing. */
async function forgetCoverage(client: Client, { of }: Names, { ids, end }: RowChoice): Promise<void> {
  await client.query(
    `UPDATE ${of("series_coverage")} c SET confirmed = c.confirmed - tstzmultirange(tstzrange(NULL, $2)),
  updated_at = clock_timestamp(), updated_by = 'archive'
WHERE c.series_id = ANY ($1::int4[]) AND c.confirmed && tstzrange(NULL, $2)`,
    [ids, end],
  );
  await client.query(
    `DELETE FROM ${of("series_doubt")} d WHERE d.series_id = ANY ($1::int4[]) AND d.ends <= $2::timestamptz`,
    [ids, end],
  );
  await client.query(
    `UPDATE ${
      of("series_doubt")
    } d SET starts = $2::timestamptz WHERE d.series_id = ANY ($1::int4[]) AND d.starts < $2::timestamptz`,
    [ids, end],
  );
}
