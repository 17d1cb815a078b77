/** `barline journal export`. @module */
import { inspectSegment } from "../journal/inspect.ts";
import { decodeFrame } from "../records/codec.ts";
import { recordKind } from "../records/mod.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT } from "./command.ts";
import type { JournalView } from "./journal_view.ts";

/** Prints the unsettled records, in order; other items are counted on standard error. */
export async function exportEntries(view: JournalView): Promise<number> {
  const encoder = new TextEncoder();
  const writer = Deno.stdout.writable.getWriter();
  let left = 0;
  let isWhole = true;
  for (
    const { path, next } of view.journals.flatMap(({ segments, next }) => segments.map((path) => ({ path, next })))
  ) {
    const { findings } = await inspectSegment(path, next, async ({ message, number }) => {
      try {
        const { kind: name, columns, rejected } = decodeFrame(message);
        const kind = recordKind(name);
        left += rejected.length;
        const lines = Array.from(
          { length: columns.count },
          (_, at) => `${printable(JSON.stringify(kind.toJSON(columns, at)))}\n`,
        );
        await writer.write(encoder.encode(lines.join("")));
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) throw error;
        console.error(`Entry ${number} is left out: ${(error as Error).message}`);
        isWhole = false;
      }
    });
    for (const { size, at, damage } of findings) console.error(`${size} bytes at ${at} of "${path}": ${damage}`);
    isWhole &&= findings.length === 0;
  }
  writer.releaseLock();
  if (left > 0) console.error(`${left} items that are no records are left out: ingest takes them to the dead letters`);
  return isWhole ? EXIT.done : EXIT.failed;
}
