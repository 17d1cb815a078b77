/**
 * Reads the frames of one opened file, and reports problems at its end.
 *
 * @module
 */
import type { Frame } from "../../records/frame.ts";
import { createFramer, type FramerOptions } from "./framer.ts";
import { readBlocks } from "./lines.ts";
import { createRefusalWatch, type RefuseLimit } from "./refusals.ts";

/** Options of {@linkcode readRows}. */
export interface RowsToRead extends FramerOptions {
  bytes: AsyncGenerator<Uint8Array>;
  /** Most records that are still expected. */
  left: () => number;
  refuseLimit?: RefuseLimit;
  warn: (message: string) => void;
  /** Whether a last line without newline is whole at the end of the bytes. @default {true} */
  isLastWhole?: () => boolean;
}

/** Reads the rows. @throws {RangeError} If too many of them are refused. */
export async function* readRows(options: RowsToRead): AsyncGenerator<Frame> {
  const { bytes, left, refuseLimit, warn, isLastWhole, ...rest } = options;
  const { source, kind, start, only } = rest;
  const framer = createFramer(rest);
  let isEmpty = true;
  const watch = refuseLimit === undefined ? undefined : createRefusalWatch(refuseLimit, kind, start !== undefined);
  for await (const block of readBlocks(bytes, start?.offset ?? 0, isLastWhole)) {
    for (const frame of framer.frames(block, left())) {
      isEmpty = false;
      const problem = watch?.look(frame);
      yield frame;
      if (problem !== undefined) throw new RangeError(problem);
    }
  }
  if (framer.empty > 0) warn(`"${source}" has ${framer.empty} rows without prices, which are left out`);
  if (isEmpty && only !== undefined && start === undefined) {
    warn(`"${source}" has no record of ${[...only].slice(0, 5).join(", ")}, of which alone it was to be read`);
  }
  const problem = start === undefined ? watch?.end() : undefined;
  if (problem !== undefined) throw new RangeError(problem);
}
