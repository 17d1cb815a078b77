/**
 * Entries that an earlier program could not read, appended to the log again where this one can.
 *
 * @module
 */
import { decodeFrame } from "../records/codec.ts";
import { frameSize } from "../records/frame.ts";
import type { JournalLog } from "./log.ts";
import { listSetAside } from "./set_aside.ts";

/**
 * Appends every entry that was set aside and can be read now to the log, and removes its file. An entry that still cannot
 * be read, or for which there is no room, stays where it is. A crash in between leaves an entry twice, which changes
 * nothing in the database.
 *
 * @returns The kinds of the records that were appended.
 */
export async function takeBack(
  directory: string,
  log: JournalLog,
  warn: (message: string) => void,
): Promise<ReadonlySet<string>> {
  const kinds = new Set<string>();
  for (const path of await listSetAside(directory)) {
    try {
      const message = await Deno.readFile(path);
      const frame = decodeFrame(message);
      const appended = await log.append([{ message, records: frameSize(frame) }], () => false);
      if ("refused" in appended) throw new Error(appended.refused);
      await Deno.remove(path);
      kinds.add(frame.kind);
    } catch (error) {
      warn(`The journal entry in "${path}" stays there: ${(error as Error).message}`);
    }
  }
  return kinds;
}
