/**
 * Exports records into files, one after the other. Each file exists whole or not at all, and the next run continues
 * from the manifest.
 *
 * @module
 */
import type { ChosenSeries } from "../database/series_rows.ts";
import type { RecordKind } from "../records/kind.ts";
import { columnsOf } from "./columns.ts";
import { digestFile, writeFile } from "./file.ts";
import {
  differenceOf,
  type ExportForm,
  makeManifest,
  MANIFEST,
  type Manifest,
  type ManifestFile,
  readManifest,
} from "./manifest.ts";
import { type Partition, partitionsOf, type TimeRange } from "./partitions.ts";
import { type ExportPlace, readText, writeText } from "./place.ts";
import { createRowReader, type ExportSession } from "./rows.ts";

/** Longest time until finished files are in the manifest, in milliseconds. */
const SAVE_MS = 1000;

/** A place that cannot take the export; the message has the reason and advice. */
export class PlaceError extends Error {
  override name = "PlaceError";
}

/** Options of {@linkcode exportRecords}. */
export interface ExportOptions {
  readonly session: ExportSession;
  readonly kind: RecordKind;
  readonly series: readonly ChosenSeries[];
  readonly form: ExportForm;
  readonly range: TimeRange;
  readonly place: ExportPlace;
  /** Called with the progress, from 0 to 1, and the number of written rows. */
  readonly onProgress?: (part: number, rows: number) => void;
  /** Called for files that are written again, with the reason. */
  readonly warn?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Result of an export; without any row, nothing was written. */
export interface Exported {
  readonly manifest: Manifest;
  /** Files, rows and bytes written by this run. */
  readonly written: { readonly files: number; readonly rows: number; readonly bytes: number };
  /** Existing files that agree with the manifest. */
  readonly kept: number;
}

/**
 * Exports the rows of series.
 *
 * @throws {PlaceError} If the place has other content.
 */
export async function exportRecords(options: ExportOptions): Promise<Exported> {
  const { session, kind, series, form, range, place, onProgress, warn = () => {}, signal } = options;
  const earlier = new Map((await findEarlier(place, form)).map((file) => [file.path, file]));
  const columns = columnsOf(kind, form.partitionBy);
  const reader = createRowReader(session, kind, columns, series);
  const providers = new Map(series.map(({ id, provider }) => [id, provider]));
  const files = new Map(earlier);
  const written = { files: 0, rows: 0, bytes: 0 };
  let [kept, savedAt, done] = [0, performance.now(), 0];

  const save = (isComplete: boolean) =>
    writeText(
      place,
      MANIFEST,
      `${JSON.stringify(makeManifest(form, sortFiles(files.values()), isComplete), null, 1)}\n`,
    );

  async function exportPartition(partition: Partition): Promise<void> {
    const path = `${partition.path}${partition.path === "" ? "" : "/"}part-0.${form.format}`;
    const problem = await problemOf(place, earlier.get(path), partition);
    if (problem === undefined) {
      kept++;
      return;
    }
    if (problem !== "new") warn(`Writing "${path}" again: ${problem}`);
    const exportedAt = new Date().toISOString();
    const facts = await writeFile(place, path, form, columns, reader.read(partition), (count) => {
      signal?.throwIfAborted();
      written.rows += count;
      onProgress?.(done, written.rows);
    });
    if (facts === undefined) return;
    files.set(path, { path, provider: providers.get(partition.ids[0])!, ...facts, exportedAt });
    written.files++;
    written.bytes += facts.bytes;
  }

  for await (const partition of partitionsOf(session, kind, series, form.partitionBy, range)) {
    signal?.throwIfAborted();
    // Once it has a file, the place belongs to this export.
    if (files.size === 0) await save(false);
    await exportPartition(partition);
    done = partition.part;
    onProgress?.(done, written.rows);
    if (performance.now() - savedAt < SAVE_MS) continue;
    await save(false);
    savedAt = performance.now();
  }
  if (files.size > 0) await save(true);
  return { manifest: makeManifest(form, sortFiles(files.values()), true), written, kept };
}

const sortFiles = (files: Iterable<ManifestFile>) => [...files].sort((one, other) => one.path < other.path ? -1 : 1);

/** The files of an earlier run of the same export. */
async function findEarlier(place: ExportPlace, form: ExportForm): Promise<readonly ManifestFile[]> {
  const text = await readText(place, MANIFEST);
  if (text === undefined) {
    const found = await place.findAny();
    if (found === undefined) return [];
    throw new PlaceError(
      `Cannot export into "${place.label}": it has "${found}" and no ${MANIFEST}, expected an empty directory or one of ` +
        "this export",
    );
  }
  const read = readManifest(text);
  if (!read.ok) {
    throw new PlaceError(`Cannot export into "${place.label}": its ${MANIFEST} cannot be read: ${read.problem}`);
  }
  const difference = differenceOf(read.manifest, form);
  if (difference === undefined) return read.manifest.files;
  throw new PlaceError(
    `Cannot export into "${place.label}": it has another export, ${difference}; give another --output`,
  );
}

/** Why a file has to be written: it is `new`, or the reason in words; `undefined` if it agrees with the manifest. */
async function problemOf(
  place: ExportPlace,
  file: ManifestFile | undefined,
  { endMs }: Partition,
): Promise<string | undefined> {
  if (file === undefined) return "new";
  if (Date.parse(file.exportedAt) < endMs) return "its time was not over when it was exported";
  const there = await digestFile(place, file.path);
  if (there === undefined) return "the manifest has it, and it is gone";
  return there.sha256 === file.sha256 ? undefined : "its SHA-256 is not that of the manifest";
}
