/**
 * Several frames as few.
 *
 * @module
 */
import type { FrameContent } from "./codec.ts";
import { joinColumns, sliceRows } from "./columns.ts";
import { frameSize } from "./frame.ts";

/**
 * Joins frames of the same kind, provider and source, in their order, until they have `size` records; larger ones are
 * divided. A joined frame has the time of arrival of its first.
 */
export function joinFrames<F extends FrameContent>(frames: readonly F[], size: number): FrameContent[] {
  const joined: FrameContent[] = [];
  const runs = new Map<string, { parts: FrameContent[]; size: number }>();
  const end = (parts: readonly FrameContent[]) => joined.push(parts.length === 1 ? parts[0] : concatenate(parts));
  for (const frame of frames.flatMap((frame) => divide(frame, size))) {
    const name = JSON.stringify([frame.kind, frame.provider, frame.source, frame.columns.lines === undefined]);
    let run = runs.get(name);
    if (run !== undefined && run.size + frameSize(frame) > size) {
      end(run.parts);
      run = undefined;
    }
    if (run === undefined) runs.set(name, run = { parts: [], size: 0 });
    run.parts.push(frame);
    run.size += frameSize(frame);
  }
  for (const { parts } of runs.values()) end(parts);
  return joined;
}

function concatenate(parts: readonly FrameContent[]): FrameContent {
  return {
    ...parts[0],
    columns: joinColumns(parts.map(({ columns }) => columns)),
    rejected: parts.flatMap(({ rejected }) => rejected),
  };
}

function divide(frame: FrameContent, size: number): FrameContent[] {
  if (frameSize(frame) <= size) return [frame];
  const pieces: FrameContent[] = [];
  const { columns, rejected } = frame;
  for (let from = 0; from < Math.max(columns.count, rejected.length); from += size) {
    const some = sliceRows(columns, from, size);
    pieces.push({ ...frame, columns: some, rejected: rejected.slice(from, from + size) });
  }
  return pieces;
}
