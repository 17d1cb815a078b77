/**
 * Appends entries that an earlier program could not read, and this one can, to the log again.
 *
 * @module
 */
import { decodeFrame } from "../records/codec.ts";
import { frameSize } from "../records/frame.ts";
import type { JournalLog } from "./log.ts";
import { listSetAside } from "./set_aside.ts";

/**
 * Appends every readable entry that was set aside to the log, and removes its file. An entry that is still unreadable,
 * or has no room, stays in its file. A crash in between leaves an entry twice, which changes nothing in the database.
 *
 * @returns The kinds of the appended records.
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
