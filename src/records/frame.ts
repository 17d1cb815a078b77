/**
 * The chunk that flows through the pipeline: the records of one wire message, or of a run of lines of a file.
 *
 * Frames rather than single records, because a hop through a stream costs about the same for one as for five hundred.
 *
 * @module
 */
import type { MarketRecord } from "./record.ts";

/** Something that came in where a record should have been. */
export interface Rejected {
  /** Why it is none, in words. */
  readonly reason: string;
  /** What came, as completely as it is known; JSON. */
  readonly item: unknown;
  /** Line in the frame's source, from 1. */
  readonly line?: number;
}

/** Records that arrived together, all of one kind from one provider. */
export interface Frame<R extends MarketRecord = MarketRecord> {
  /** Name of the records' kind. */
  readonly kind: string;
  readonly provider: string;
  /** When the frame arrived, in microseconds since 1970-01-01 UTC. */
  readonly receivedAt: number;
  readonly records: readonly R[];
  readonly rejected: readonly Rejected[];
  /** Whether it was asked for beside a live feed, and may be late; see `pipeline/late.ts`. */
  readonly isHistory?: true;
  /** File that the frame was read from. */
  readonly source?: string;
  /** Line of each record in {@linkcode Frame.source}, from 1. */
  readonly lines?: readonly number[];
  /** Says that `count` more of the frame's records are committed or dead-lettered. */
  readonly settle: (count: number) => void;
  /** Where the journal or a stream has the frame: says that `count` of its records are left there, to be read again. */
  readonly leave?: (count: number) => void;
  /** Whether what is left goes to whoever is able to store it: then it is not held through an outage. */
  readonly isShared?: true;
}

/** What a provider says of a new frame. */
export interface FrameInit<R extends MarketRecord> {
  kind: string;
  provider: string;
  receivedAt: number;
  records: readonly R[];
  rejected?: readonly Rejected[];
  source?: string;
  lines?: readonly number[];
  /** Called once, when every record and every rejected item of the frame is committed or dead-lettered. */
  onSettled?: () => void;
}

/** Makes a frame that counts down to its settlement. */
export function createFrame<R extends MarketRecord>(init: FrameInit<R>): Frame<R> {
  const { onSettled, rejected = [], ...rest } = init;
  let unsettled = init.records.length + rejected.length;
  return {
    ...rest,
    rejected,
    settle(count) {
      if (count === 0) return;
      unsettled -= count;
      if (unsettled < 0) throw new RangeError(`Cannot settle more records than the frame has: ${-unsettled} too many`);
      if (unsettled === 0) onSettled?.();
    },
  };
}

/** What a frame counts in a queue: its records, and what was rejected in their place. */
export function frameSize(frame: Pick<Frame, "records" | "rejected">): number {
  return frame.records.length + frame.rejected.length;
}
