/**
 * Detects a file's format by a property that no other format has.
 *
 * @module
 */
import { plainName } from "./columns.ts";
import type { Preset, Signature } from "./preset.ts";
import { findDelimiter, splitLine } from "./split.ts";

/** The facts about a file that detection uses. */
export interface FileFacts {
  /** First lines, unpacked and decoded. */
  readonly lines: readonly string[];
  /** Its name in an archive, and its path. */
  readonly paths: readonly string[];
}

/** A detected preset. */
export interface Detected {
  readonly preset: Preset;
  /** Why it was detected, as a phrase: `the header has "window_start"`. */
  readonly by: string;
}

/** Finds the one preset whose signature matches; `undefined` if none or several match. */
export function detectPreset(presets: Iterable<Preset>, { lines, paths }: FileFacts): Detected | undefined {
  const [first = "", second = ""] = lines.slice(0, 2).map((line) => line.replace(/\r$/, "").replace(/^\uFEFF/, ""));
  const names = (splitLine(first, findDelimiter([first])) ?? []).map(plainName);
  const baseNames = paths.map((each) => each.slice(each.lastIndexOf("/") + 1).replace(/\.(gz|zst)$/i, ""));
  const found: Detected[] = [];
  for (const preset of presets) {
    const match = preset.signatures?.find((signature) => matches(signature, first, second, names, paths, baseNames));
    if (match !== undefined) found.push({ preset, by: describe(match) });
  }
  return found.length === 1 ? found[0] : undefined;
}

function matches(
  { header, without, firstLine, secondLine, name, path }: Signature,
  first: string,
  second: string,
  names: readonly string[],
  paths: readonly string[],
  baseNames: readonly string[],
): boolean {
  return (header?.every((each) => names.includes(plainName(each))) ?? true) &&
    !(without?.some((each) => names.includes(plainName(each))) ?? false) &&
    (firstLine?.test(first) ?? true) && (secondLine?.test(second) ?? true) &&
    (name === undefined || baseNames.some((each) => name.test(each))) &&
    (path === undefined || paths.some((each) => path.test(each)));
}

function describe({ header, firstLine, name, path }: Signature): string {
  if (header !== undefined) return `the header has ${header.join(", ")}`;
  if (name !== undefined || path !== undefined) return "name and shape";
  return firstLine === undefined ? "the second line" : "the first line";
}
