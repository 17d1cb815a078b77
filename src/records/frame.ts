/**
 * The chunk that flows through the pipeline: the records of one wire message, or of a run of lines of a file.
 *
 * Frames rather than single records, because a hop through a stream costs about the same for one as for five hundred.
 *
 * @module
 */
import type { Columns } from "./columns.ts";

/** An item received instead of a record. */
export interface Rejected {
  /** Why it was rejected, in words. */
  readonly reason: string;
  /** The item as received, as complete as possible; JSON. */
  readonly item: unknown;
  /** Line in the frame's source, from 1. */
  readonly line?: number;
}

/**
 * Outcomes of records:
 * - `committed`: the sink has them;
 * - `deadLettered`: they are among the dead letters;
 * - `synced`: the journal has them on disk, and another outcome of the same records follows;
 * - `journaled`: the journal has them on disk, and no other outcome follows for their source;
 * - `requeued`: they stay where they are, to be read again; see {@linkcode Frame.home}.
 */
export type Outcome = "committed" | "deadLettered" | "synced" | "journaled" | "requeued";

/** The final outcome of a frame: `committed` if the sink has all of its records, otherwise the worst of any. */
export type FinalOutcome = "committed" | "deadLettered" | "journaled";

/**
 * Where a frame is kept until it is acknowledged: in the `journal`, which the next run reads; or in a `stream`, which
 * any worker reads at once, so that records do not wait through an outage.
 */
export type Home = "journal" | "stream";

/** Records that arrived together, all of one kind from one provider. */
export interface Frame {
  /** Name of the records' kind. */
  readonly kind: string;
  readonly provider: string;
  /** When the frame arrived, in microseconds since 1970-01-01 UTC. */
  readonly receivedAt: number;
  readonly columns: Columns;
  readonly rejected: readonly Rejected[];
  /** Whether it was requested beside a live feed, and may be late; see `pipeline/late.ts`. */
  readonly isHistory?: true;
  /** File that the frame was read from. */
  readonly source?: string;
  /** Reports the outcome of `count` more of the frame's records and rejected items. */
  readonly ack: (outcome: Outcome, count: number) => void;
  /** Where the frame is kept now; absent if it is in memory alone. */
  readonly home?: () => Home | undefined;
}

/** The content of a new frame. */
export interface FrameInit {
  kind: string;
  provider: string;
  receivedAt: number;
  columns: Columns;
  rejected?: readonly Rejected[];
  source?: string;
  /**
   * Called once, when all records and rejected items of the frame are safe: acknowledged, with any outcome, and none
   * requeued.
   */
  onSettled?: () => void;
  /**
   * Called once, when no further outcome of any record follows. For callers that need to know whether the sink has the
   * records.
   */
  onEnded?: (outcome: FinalOutcome) => void;
  /** Called once instead, if some are requeued. */
  onRequeued?: () => void;
}

/** Creates a frame that counts down to its settlement; its `ack` throws a `RangeError` for more records than it has. */
export function createFrame(init: FrameInit): Frame {
  const { onSettled, onEnded, onRequeued, rejected = [], ...rest } = init;
  const size = init.columns.count + rejected.length;
  let settled = 0;
  /** Records on the disk of the journal whose final outcome follows. */
  let synced = 0;
  let ended = 0;
  let isRequeued = false;
  let last: FinalOutcome = "committed";
  return {
    ...rest,
    rejected,
    ack(outcome, count) {
      if (count === 0) return;
      const isFinal = outcome !== "synced";
      const news = isFinal ? count - Math.min(synced, count) : count;
      synced += isFinal ? news - count : count;
      settled += news;
      if (isFinal) ended += count;
      const excess = Math.max(settled, ended) - size;
      if (excess > 0) throw new RangeError(`Cannot acknowledge more records than the frame has: ${excess} too many`);
      if (outcome === "requeued") isRequeued = true;
      if (isFinal) last = worstOf([last, outcome === "requeued" ? "journaled" : outcome]);
      if (news > 0 && settled === size) {
        if (isRequeued) onRequeued?.();
        else onSettled?.();
      }
      if (isFinal && ended === size) onEnded?.(last);
    },
  };
}

const SEVERITY: readonly FinalOutcome[] = ["committed", "journaled", "deadLettered"];

/** The worst of several outcomes; `committed` without any. */
export function worstOf(outcomes: readonly FinalOutcome[]): FinalOutcome {
  return SEVERITY[Math.max(0, ...outcomes.map((each) => SEVERITY.indexOf(each)))];
}

/** The weight of a frame in a queue: its records, and its rejected items. */
export function frameSize(frame: Pick<Frame, "columns" | "rejected">): number {
  return frame.columns.count + frame.rejected.length;
}
