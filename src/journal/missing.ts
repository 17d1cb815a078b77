/**
 * Entries that are in no segment: of one that was deleted, or cut short before its end.
 *
 * @module
 */
import { join } from "@std/path";
import { writeAll } from "../storage/durable_files.ts";
import type { SegmentReport } from "./inspect.ts";

/** Numbers of entries that are missing, both included. */
export interface Missing {
  readonly from: number;
  readonly to: number;
}

/** Name of the file with the ranges that were reported. */
const NAME = "missing.json";

/**
 * Entries that are missing between segments, and before the first of them.
 *
 * @param segments All of them, oldest first.
 * @param next Number of the first entry that is not settled; 0 where that is not known.
 */
export function findMissing(segments: readonly Pick<SegmentReport, "first" | "last">[], next: number): Missing[] {
  const missing: Missing[] = [];
  let expected = next;
  for (const { first, last } of segments) {
    // The name of a segment without an entry proves nothing.
    if (last < first) continue;
    if (expected > 0 && first > expected) missing.push({ from: expected, to: first - 1 });
    expected = Math.max(expected, last + 1);
  }
  return missing;
}

/** The ranges that were not reported yet. */
export async function withoutTold(directory: string, missing: readonly Missing[]): Promise<Missing[]> {
  if (missing.length === 0) return [];
  const told = await readTold(directory);
  return missing.filter(({ from, to }) => !told.some((range) => range.from <= from && to <= range.to));
}

/** Notes these ranges as reported, in place of those noted before. */
export async function noteTold(directory: string, missing: readonly Missing[]): Promise<void> {
  const path = join(directory, NAME);
  if (missing.length === 0) {
    await Deno.remove(path).catch(() => {});
    return;
  }
  using file = await Deno.open(path, { create: true, truncate: true, write: true, mode: 0o600 });
  await writeAll(file, new TextEncoder().encode(JSON.stringify(missing)));
}

/** Notes that these numbers are left out on purpose: nothing is missing there. */
export async function skipNumbers(directory: string, range: Missing): Promise<void> {
  // Without the note the next start may report them again: better twice than never.
  await noteTold(directory, [...await readTold(directory), range]).catch(() => {});
}

async function readTold(directory: string): Promise<readonly Missing[]> {
  try {
    const told = JSON.parse(await Deno.readTextFile(join(directory, NAME)));
    return Array.isArray(told) ? told.filter((range) => range !== null) : [];
  } catch {
    // Better reported twice than never.
    return [];
  }
}

/** How many entries that are. */
export function countMissing(missing: readonly Missing[]): number {
  return missing.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** In words. */
export function describeMissing({ from, to }: Missing): string {
  return from === to ? `Frame ${from} is in no segment` : `Frames ${from} to ${to} are in no segment`;
}
