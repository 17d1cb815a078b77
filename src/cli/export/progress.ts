/**
 * The progress of an export: an updated line on a terminal, lines of the log elsewhere.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { literally, printable } from "../../telemetry/log.ts";
import { count } from "../loads_report.ts";
import { BAR_WIDTH, createMovingLine, MOVING_EVERY_MS } from "../moving_line.ts";
import { describePosition } from "../progress.ts";

/** Time between two lines of the log, in milliseconds. */
const LOG_EVERY_MS = 30_000;

/** Shows progress on standard error, until disposed of. */
export interface ExportProgress extends Disposable {
  /** Shows the progress, from 0 to 1, and the number of written rows. */
  show(part: number, rows: number): void;
  warn(message: string): void;
}

/** Begins to show progress. */
export function startExportProgress(isTerminal = Deno.stderr.isTerminal()): ExportProgress {
  const log = getLogger("barline");
  const moving = isTerminal ? createMovingLine() : undefined;
  const startedAt = performance.now();
  let shownAt = isTerminal ? -Infinity : startedAt;
  return {
    show(part, rows) {
      const now = performance.now();
      if (now - shownAt < (isTerminal ? MOVING_EVERY_MS : LOG_EVERY_MS)) return;
      shownAt = now;
      const position = describePosition({ done: part, total: 1 }, now - startedAt, isTerminal ? BAR_WIDTH : 0);
      const line = [...position, `${count(rows)} records`].join(" · ");
      if (moving === undefined) log.info(`Progress: ${line}`, { rows, done: part, total: 1 });
      else moving.show(line);
    },
    warn(message) {
      moving?.clear();
      log.warn(literally(printable(message)));
    },
    [Symbol.dispose]: () => moving?.clear(),
  };
}
