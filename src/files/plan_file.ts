/**
 * The plan of one file: preset, dialect and flags put together over its first lines.
 *
 * @module
 */
import { type CompileOptions, compilePlan, type FileField } from "./compile.ts";
import { detectPreset, type FileFacts } from "./detect.ts";
import { type Dialect, mergeDialects } from "./dialect.ts";
import type { Planned } from "./plan.ts";
import type { Preset } from "./preset.ts";
import { presets } from "./presets/mod.ts";

/** What the user says of files. */
export interface GivenFormat {
  /** Preset that was named. */
  readonly preset?: Preset;
  /** Whether a format was named, be it a preset or a file: then nothing is detected. */
  readonly isNamed?: boolean;
  /** Dialect file and flags, merged. */
  readonly dialect: Dialect;
  /** The format as it was named. */
  readonly name?: string;
  /** What flags say, without the dialect file. */
  readonly flags?: Dialect;
}

/** A planned file, with how its format was told. */
export type PlannedFile = Planned & {
  /** Absent where there is none. */
  readonly preset?: Preset;
  /** How it was told. */
  readonly toldBy: string;
};

/** What does not depend on the file. */
export interface PlanContext {
  readonly given: GivenFormat;
  readonly fields: readonly FileField[];
  readonly defaultTimeframe?: string;
  /** Whether the files hold bars: formats are only known of those. */
  readonly isBars: boolean;
  /** Makes zones; one that many files share is made once. @default {createZone} */
  readonly zoneOf?: CompileOptions["zoneOf"];
}

/** The preset of a file: the one that was named, or that its first lines tell for sure. */
export function presetOf({ given, isBars }: PlanContext, facts: FileFacts): { preset?: Preset; by?: string } {
  if (given.isNamed || !isBars) return { preset: given.preset, by: given.isNamed ? "--format" : undefined };
  const detected = detectPreset(presets.values(), facts);
  return { preset: detected?.preset, by: detected?.by };
}

/** Plans a file by the first lines of its rows. */
export function planFile(
  { given, fields, defaultTimeframe, zoneOf }: PlanContext,
  { isUtf8, ...facts }: FileFacts & { readonly isUtf8: boolean },
  preset: Preset | undefined,
  by: string | undefined,
): PlannedFile {
  const planned = compilePlan({
    dialect: mergeDialects(preset?.dialect, given.dialect),
    hasPreset: preset !== undefined,
    answers: preset?.answers,
    fields,
    isUtf8,
    defaultTimeframe,
    zoneOf,
    ...facts,
  });
  const unknown = planned.ok && planned.findings.isNative ? "Barline's own columns" : "no known format";
  return { ...planned, preset, toldBy: by ?? unknown };
}
