/**
 * The manifest of an archive while it is written: the days of each file, and whether they may be deleted from the
 * database.
 *
 * @module
 */
import {
  type ExportForm,
  makeManifest,
  MANIFEST,
  type Manifest,
  type ManifestFile,
  readManifest,
} from "../manifest.ts";
import { type ExportPlace, readText, writeText } from "../place.ts";

/** A file of the archive. */
export interface ArchivedFile extends ManifestFile {
  /** Digest of its rows by the database. */
  readonly digest: string;
  /**
   * Whether its rows may be deleted from the database. Recorded before the deletion; from then on the file is never
   * rewritten.
   */
  readonly isLetGo: boolean;
}

/** See the module's description. */
export interface ArchiveBook {
  /** The files of a partition, by their number. */
  filesOf(partition: string): readonly ArchivedFile[];
  /** Adds or replaces a file, durably. */
  put(file: ArchivedFile): Promise<void>;
}

/** The directories of a file. */
const directoryOf = (path: string) => path.slice(0, path.lastIndexOf("/"));

/**
 * Opens the manifest of a place.
 *
 * @throws {Error} If the place has the manifest of another archive.
 */
export async function openBook(place: ExportPlace, form: ExportForm): Promise<ArchiveBook> {
  const text = await readText(place, MANIFEST);
  const files = new Map((text === undefined ? [] : read(place, text)).map((file) => [file.path, file]));
  return {
    filesOf: (partition) =>
      [...files.values()].filter(({ path }) => directoryOf(path) === partition)
        .sort((one, other) => numberOf(one.path) - numberOf(other.path)),
    async put(file) {
      files.set(file.path, file);
      const sorted = [...files.values()].sort((one, other) => one.path < other.path ? -1 : 1);
      await writeText(place, MANIFEST, `${JSON.stringify(makeManifest(form, sorted, true), null, 1)}\n`);
    },
  };
}

/** The number of a part. */
export const numberOf = (path: string): number => Number(/part-(\d+)\.parquet$/.exec(path)?.[1]);

function read(place: ExportPlace, text: string): readonly ArchivedFile[] {
  const found = readManifest(text);
  const problem = !found.ok
    ? found.problem
    : found.manifest.files.every(isArchived)
    ? undefined
    : "it is that of an export, not of an archive";
  if (problem !== undefined) throw new Error(`Cannot use the archive in ${place.label}: its ${MANIFEST}: ${problem}`);
  return (found as { manifest: Manifest }).manifest.files as readonly ArchivedFile[];
}

const isArchived = (file: Partial<ArchivedFile>) =>
  typeof file.digest === "string" && typeof file.isLetGo === "boolean";
