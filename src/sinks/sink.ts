/**
 * What a sink is: it says how to write a batch **once**, and what an error of that means. Retrying, the circuit,
 * bisecting and dead letters are the pipeline's and the same for all sinks.
 *
 * @module
 */
import type { Fault, WriteCounts } from "../events.ts";
import type { Rows } from "../records/columns.ts";

/** A lane's own way into the sink, for instance one database connection. Used for one write at a time. */
export interface SinkLane extends AsyncDisposable {
  /**
   * Writes all rows or none, so that it can be repeated: the sink must end up as one delivery would leave it.
   * Connects where there is no connection, and drops the connection when it must not be used again.
   *
   * @throws Whatever hinders it; see {@linkcode Sink.classify}. When `signal` aborts, its reason, without delay.
   */
  write(rows: Rows, signal: AbortSignal): Promise<WriteCounts>;
}

/** A place where records are kept. */
export interface Sink extends AsyncDisposable {
  /** Name in metrics and health, for instance `postgres`. */
  readonly name: string;
  /** Most lanes that may write at once. */
  readonly maxLanes: number;
  /** Opens a lane; connects only when the lane first writes. */
  openLane(): SinkLane;
  /** What an error thrown by a lane's write means. */
  classify(error: unknown): Fault;
  /** Whether an error says that the sink answers, but needs more time than a write may take: it could take fewer records. */
  isTooSlow?(error: unknown): boolean;
  /**
   * What an error that is poison blames besides the record, such as a constraint that somebody added: where most records are
   * refused for one such cause, it lies in the table. Absent, or `undefined`, where it lies in the record.
   */
  causeOf?(error: unknown): string | undefined;
  /** Resolves when the sink can be reached, and throws what hinders it. */
  check(signal: AbortSignal): Promise<void>;
}

/**
 * Who writes the records of a series, and hence which rows that would not change take the newer time of receipt:
 * - `many`: several processes, or one that gets records in any order. All rows do.
 * - `live`: a live feed, and history beside it. Rows do whose records are recent.
 * - `history`: one process that reads history, which a live feed may write meanwhile. Rows do that it has written itself,
 *   and those whose records are recent.
 * - `alone`: one process that reads files. Rows do that it has written itself. What it reads twice is written in order; see
 *   `order.ts` of the pipeline.
 */
export type Writers = "many" | "live" | "history" | "alone";

/** Whether the records come from one source that can wait, so that its lanes can keep them in order. */
export const isOneSource = (writers: Writers): boolean => writers === "history" || writers === "alone";
