/**
 * Plans one file from its first lines, with preset, dialect file and flags merged.
 *
 * @module
 */
import { type CompileOptions, compilePlan } from "./compile.ts";
import { detectPreset, type FileFacts } from "./detect.ts";
import { type Dialect, mergeDialects } from "./dialect.ts";
import type { Planned } from "./plan.ts";
import type { Preset } from "./preset.ts";
import type { FileField } from "./sources.ts";
import { presets } from "./presets/mod.ts";

/** The format that the user gives. */
export interface GivenFormat {
  /** The named preset. */
  readonly preset?: Preset;
  /** Whether the user named a format, a preset or a file: then none is detected. */
  readonly isNamed?: boolean;
  /** Dialect file and flags, merged. */
  readonly dialect: Dialect;
  /** The name that the user gave. */
  readonly name?: string;
  /** The flags alone, without the dialect file. */
  readonly flags?: Dialect;
}

/** A planned file, with the way its format was found. */
export type PlannedFile = Planned & {
  /** Absent if no preset fits. */
  readonly preset?: Preset;
  /** How the format was found, as a phrase. */
  readonly toldBy: string;
};

/** The part of planning that all files share. */
export interface PlanContext {
  readonly given: GivenFormat;
  readonly fields: readonly FileField[];
  readonly defaultTimeframe?: string;
  /** Whether the files hold bars: only those have formats. */
  readonly isBars: boolean;
  /** Creates zones; a zone that many files share is created once. @default {createZone} */
  readonly zoneOf?: CompileOptions["zoneOf"];
}

/** The preset of a file: the named one, or the one that its first lines identify. */
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
