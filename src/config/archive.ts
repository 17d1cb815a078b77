/**
 * Settings of the archive in the configuration file, below `archive:`.
 *
 * @module
 */
import { z } from "zod";
import { COMPRESSIONS } from "../files/write/batch_parquet.ts";
import { type KindName, recordKinds } from "../records/mod.ts";
import { interval, intervalOrOff, secondsOf, setting, type TimescaleSettings } from "./timescale.ts";

const KINDS = Object.keys(recordKinds) as KindName[];

/** The mapping. */
export const archiveSchema = z.strictObject({
  output: z.string().min(1).meta({
    description: "directory or s3://BUCKET/PREFIX that takes the files",
    barline: {
      expected: "a directory, or s3://BUCKET/PREFIX",
      help: "directory or s3://BUCKET/PREFIX that takes the files",
    },
  }),
  kinds: setting(z.array(z.enum(KINDS)).min(1), `a list of ${KINDS.join(", ")}`, "kinds of records [all]"),
  compression: setting(z.enum(COMPRESSIONS), `one of ${COMPRESSIONS.join(", ")}`, "compression of Parquet [zstd]"),
  after: interval("1h", "52w", "time after its end at which a day is archived [1d]"),
  every: interval("1m", "4w", "time between two runs of the archive during an ingest [1h]"),
  retention: intervalOrOff("1d", "5200w", "age at which archived records are dropped [timescale.retention, else off]"),
});

/** Settings of the archive. */
export type ArchiveSettings = z.infer<typeof archiveSchema>;

/** The settings with their defaults, in milliseconds. */
export interface ArchivePlan {
  readonly output: string;
  readonly kinds: readonly KindName[];
  readonly compression: (typeof COMPRESSIONS)[number];
  readonly afterMs: number;
  readonly everyMs: number;
  /** Age at which records are dropped; absent if all stay. */
  readonly retentionMs?: number;
}

/** Completes the settings; `timescale` has the retention if the archive's own is absent. */
export function planArchive(
  { output, kinds = KINDS, compression = "zstd", after = "1d", every = "1h", retention }: ArchiveSettings,
  timescale: TimescaleSettings,
): ArchivePlan {
  const age = retention ?? timescale.retention ?? "off";
  return {
    output,
    kinds,
    compression,
    afterMs: secondsOf(after) * 1000,
    everyMs: secondsOf(every) * 1000,
    retentionMs: age === "off" ? undefined : secondsOf(age) * 1000,
  };
}

/**
 * TimescaleDB's settings beside an archive, which decides what to drop: TimescaleDB's own policy would not wait for it.
 */
export function timescaleBeside(
  archive: ArchiveSettings | undefined,
  timescale: TimescaleSettings,
): TimescaleSettings & { readonly isArchived?: boolean } {
  if (archive === undefined) return timescale;
  return { ...timescale, retention: archive.retention ?? timescale.retention, isArchived: true };
}
