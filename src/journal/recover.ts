/**
 * The journal as a crash, a full disk or a failing one has left it, made ready at a start.
 *
 * @module
 */
import { join } from "@std/path";
import { listSegments } from "./format.ts";
import { inspectSegment, type SegmentReport } from "./inspect.ts";
import { type Repair, repairSegment, REWRITE_SUFFIX } from "./repair.ts";

/** What was found. */
export interface Recovery {
  /** Segments with entries that are not settled, oldest first; whole. */
  readonly segments: readonly SegmentReport[];
  readonly repairs: readonly Repair[];
}

/**
 * Looks through all segments, repairs what is damaged, and removes what is settled. What hinders a repair is told and
 * does not hinder the start: damaged bytes are passed over in reading, too.
 *
 * @param next Number of the first entry that is not settled.
 */
export async function recover(
  directory: string,
  next: number,
  notice: (message: string) => void,
): Promise<Recovery> {
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(REWRITE_SUFFIX)) await Deno.remove(join(directory, name));
  }
  const segments: SegmentReport[] = [];
  const repairs: Repair[] = [];
  for (const path of await listSegments(directory)) {
    let report = await inspectSegment(path, next);
    try {
      repairs.push(...await repairSegment(report));
      if (report.entries > 0 && report.findings.length > 0) report = await inspectSegment(path, next);
      if (report.entries === 0) await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) notice(`"${path}" cannot be repaired: ${(error as Error).message}`);
    }
    if (report.entries > 0) segments.push(report);
  }
  return { segments, repairs };
}
