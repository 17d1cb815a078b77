/**
 * Finds the source of each field's values in a file: a column, a key, a constant, or the directory.
 *
 * @module
 */
import { findColumns, findKeys, plainName } from "./columns.ts";
import type { Dialect } from "./dialect.ts";
import { findHiveValue } from "./hive.ts";
import type { PathParts } from "./path_pattern.ts";
import type { Source } from "./plan.ts";
import { type Sample, valueAt } from "./sample.ts";

/** A field of the kind, as a plan needs it. */
export interface FileField {
  readonly name: string;
  /** Further names of the field in files. */
  readonly aliases: readonly string[];
  /** Whether a file must have the field. */
  readonly isNeeded: boolean;
}

/** Options of {@linkcode findSources}. */
export interface SourceOptions {
  /** Preset, dialect file and flags, merged. */
  dialect: Dialect;
  /** Whether a preset is among them. */
  hasPreset: boolean;
  fields: readonly FileField[];
  /** Names of the file. */
  paths: readonly string[];
}

/** The symbol of a file's directory, unless a pattern looks for it elsewhere. */
const symbolOfDirectory = ({ dialect, paths }: SourceOptions) =>
  dialect.symbolFrom === undefined
    ? paths.map((path) => findHiveValue(path, "symbol")).find((symbol) => symbol !== undefined)
    : undefined;

/** Whether a file has Barline's own columns, except the symbol, which its directory has. */
export const isOwnDirectory = (options: SourceOptions, { header, isObjects, rows }: Sample) =>
  symbolOfDirectory(options) !== undefined &&
  (isObjects ? rows.some(({ object }) => valueAt(object, ["ts"]) !== undefined) : header.map(plainName).includes("ts"));

/** Finds the sources of all fields. */
export function findSources(
  options: SourceOptions,
  sample: Sample,
  parts: PathParts,
): (Source | undefined)[] {
  const { dialect, hasPreset, fields } = options;
  const { columns = {}, constants = {} } = dialect;
  const ofDirectory = symbolOfDirectory(options);
  const isNamed = (name: string) => columns[name] !== undefined;
  const refOf = (name: string) => name === "ts" && !isNamed("ts") && isNamed("date") ? columns.date : columns[name];
  return fields.map(({ name, aliases }) =>
    sourceOf(name, aliases) ??
      (name === "symbol" && ofDirectory !== undefined ? { from: "constant", value: ofDirectory } : undefined)
  );

  function sourceOf(name: string, aliases: readonly string[]): Source | undefined {
    if (constants[name] !== undefined) return { from: "constant", value: constants[name] };
    const ref = refOf(name);
    const isObject = ref !== undefined && sample.isObjects;
    if (isObject && hasKey(sample, findKeys(ref))) return { from: "key", keys: findKeys(ref) };
    const places = ref === undefined || isObject ? undefined : findColumns(ref, sample.header);
    if (places !== undefined) return { from: "column", places };
    if (name === "symbol" && parts.symbol !== undefined) return { from: "constant", value: parts.symbol };
    if (ref !== undefined) return undefined;
    // A preset declares all of its columns: a name that happens to match means something else.
    if (hasPreset && Object.keys(columns).length > 0) return undefined;
    if (sample.isObjects) {
      const keys = [name, ...aliases].map((key) => [key]);
      return hasKey(sample, keys) ? { from: "key", keys } : undefined;
    }
    const names = sample.header.map(plainName);
    const exact = names.indexOf(name);
    const at = exact >= 0 ? exact : names.findIndex((each) => aliases.includes(each));
    return at < 0 ? undefined : { from: "column", places: [at] };
  }
}

/** Whether any row of the sample has one of the keys. */
export const hasKey = ({ rows }: Sample, keys: readonly (readonly string[])[]) =>
  rows.length === 0 || rows.some(({ object }) => keys.some((steps) => valueAt(object, steps) !== undefined));
