/**
 * The interface of sinks: writing a batch **once**, and classifying its errors. Retrying, the circuit, bisecting and
 * dead letters belong to the pipeline and are the same for all sinks.
 *
 * @module
 */
import type { Fault, WriteCounts } from "../events.ts";
import type { Rows } from "../records/columns.ts";

/** A lane's access to the sink, for instance one database connection. Used for one write at a time. */
export interface SinkLane extends AsyncDisposable {
  /**
   * Writes all rows or none, so that it can be repeated: the sink must end up as one delivery would leave it. Connects
   * if it is not connected, and drops a connection that must not be used again.
   *
   * @throws The error that stopped it; see {@linkcode Sink.classify}. When `signal` aborts, its reason, without delay.
   */
  write(rows: Rows, signal: AbortSignal): Promise<WriteCounts>;
}

/** A destination of records. */
export interface Sink extends AsyncDisposable {
  /** Name in metrics and health, for instance `postgres`. */
  readonly name: string;
  /** Most lanes that may write at once. */
  readonly maxLanes: number;
  /** Opens a lane; connects only when the lane first writes. */
  openLane(): SinkLane;
  /** Classifies an error of a lane's write. */
  classify(error: unknown): Fault;
  /**
   * Whether an error means that the sink answers, but needs more time than a write may take, so that it could write
   * fewer records.
   */
  isTooSlow?(error: unknown): boolean;
  /**
   * The cause of a poison error outside the record, such as a constraint that an operator added: if most records are
   * refused for one such cause, the table is at fault. Absent, or `undefined`, if the record is at fault.
   */
  causeOf?(error: unknown): string | undefined;
  /** Resolves when the sink can be reached, and throws the problem otherwise. */
  check(signal: AbortSignal): Promise<void>;
}

/**
 * The writers of a series, which decide which unchanged rows take a newer time of receipt:
 * - `many`: several processes, or one that receives records in any order. All rows do.
 * - `live`: a live feed, and history beside it. Rows of recent records do, and rows of old records while another
 *   process reads them from history.
 * - `history`: one process that reads history, which a live feed may write meanwhile. The same rows do, and those that
 *   it has written itself.
 * - `alone`: one process that reads files. Rows that it has written itself do. Records that it reads twice are written
 *   in order; see `order.ts` of the pipeline.
 */
export type Writers = "many" | "live" | "history" | "alone";

/** Whether the records come from one source that can wait, so that its lanes can keep them in order. */
export const isOneSource = (writers: Writers): boolean => writers === "history" || writers === "alone";
