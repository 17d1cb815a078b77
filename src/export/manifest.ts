/**
 * The manifest of an export: its selection, and each file with rows, times and SHA-256.
 *
 * @module
 */
import { COMPRESSIONS } from "../files/write/batch_parquet.ts";
import { PARTITION_KEYS, type PartitionKey } from "./partitions.ts";

/** Name of its file. Readers of Parquet directories ignore such names. */
export const MANIFEST = "_manifest.json";
/** Version of the form. */
const VERSION = 1;

/** Formats of files. */
export const EXPORT_FORMATS = ["parquet", "csv", "ndjson"] as const;
/** See {@linkcode EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The series and times of an export; `null` means all. Times are in ISO 8601, the end exclusive. */
export interface Selection {
  readonly tenant: string;
  readonly providers: readonly string[] | null;
  readonly symbols: readonly string[] | null;
  readonly timeframes: readonly string[] | null;
  readonly from: string | null;
  readonly to: string | null;
}

/** Form and selection of an export, equal for all files of a directory. */
export interface ExportForm {
  readonly kind: string;
  readonly format: ExportFormat;
  readonly compression: (typeof COMPRESSIONS)[number];
  readonly partitionBy: readonly PartitionKey[];
  readonly selection: Selection;
}

/** A finished file. */
export interface ManifestFile {
  /** Path below the directory, with `/`. */
  readonly path: string;
  /** The provider of its rows. */
  readonly provider: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Times of the first and last row, in ISO 8601. */
  readonly first: string;
  readonly last: string;
  /** When its rows were read; later rows are not in it. */
  readonly exportedAt: string;
}

/** See the module's description. */
export interface Manifest extends ExportForm {
  readonly version: typeof VERSION;
  /** Whether the export has ended. */
  readonly isComplete: boolean;
  readonly rows: number;
  readonly bytes: number;
  readonly files: readonly ManifestFile[];
}

/** Creates the manifest of files. */
export function makeManifest(form: ExportForm, files: readonly ManifestFile[], isComplete: boolean): Manifest {
  const { kind, format, compression, partitionBy, selection } = form;
  const sum = (of: "rows" | "bytes") => files.reduce((total, file) => total + file[of], 0);
  return {
    version: VERSION,
    ...{ kind, format, compression, partitionBy, selection },
    isComplete,
    rows: sum("rows"),
    bytes: sum("bytes"),
    files,
  };
}

/** A manifest, or the problem of its text. */
export type ReadManifest =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly problem: string };

/** Reads the text of a manifest. */
export function readManifest(text: string): ReadManifest {
  let read: Partial<Manifest>;
  try {
    read = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `it is no JSON: ${(error as Error).message}` };
  }
  if (read?.version !== VERSION) {
    return { ok: false, problem: `its version is ${JSON.stringify(read?.version)}, expected ${VERSION}` };
  }
  const isSound = Array.isArray(read.files) && read.files.every(isFile) && typeof read.kind === "string" &&
    EXPORT_FORMATS.includes(read.format!) && COMPRESSIONS.includes(read.compression!) &&
    Array.isArray(read.partitionBy) && read.partitionBy.every((key) => PARTITION_KEYS.includes(key)) &&
    typeof read.selection === "object";
  return isSound ? { ok: true, manifest: read as Manifest } : { ok: false, problem: "it lacks what a manifest has" };
}

const ESCAPING = /(^|\/)\.{0,2}(\/|$)|\\/;

/** Whether a value is an entry of a file inside the directory: a path must not lead outside. */
function isFile(value: ManifestFile): boolean {
  return typeof value?.path === "string" && !ESCAPING.test(value.path) && typeof value.provider === "string" &&
    Number.isInteger(value.rows) && Number.isInteger(value.bytes) && /^[0-9a-f]{64}$/.test(value.sha256) &&
    [value.first, value.last, value.exportedAt].every((time) => !Number.isNaN(Date.parse(time)));
}

/** The first difference between two exports, in words; `undefined` if one may continue the other. */
export function differenceOf(there: ExportForm, wanted: ExportForm): string | undefined {
  const facts = ({ selection, ...form }: ExportForm): [string, unknown][] => [
    ...(["kind", "format", "compression", "partitionBy"] as const).map((name): [string, unknown] => [name, form[name]]),
    ...(["tenant", "providers", "symbols", "timeframes", "from", "to"] as const)
      .map((name): [string, unknown] => [name, selection[name]]),
  ];
  const asked = facts(wanted);
  for (const [at, [name, value]] of facts(there).entries()) {
    const [is, expected] = [JSON.stringify(value), JSON.stringify(asked[at][1])];
    if (is !== expected) return `its ${name} is ${is}, not ${expected}`;
  }
}
