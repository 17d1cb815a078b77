/**
 * The progress of an export: an updated line on a terminal, lines of the log elsewhere.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { literally, printable } from "../../telemetry/log.ts";
import { count } from "../loads_report.ts";
import { describePosition } from "../progress.ts";

/** Time between two lines, in milliseconds: on a terminal and elsewhere. */
const EVERY_MS = { terminal: 250, log: 30_000 };
const BAR_WIDTH = 20;
const CLEAR_LINE = "\r\x1b[2K";

/** Shows progress on standard error, until disposed of. */
export interface ExportProgress extends Disposable {
  /** Shows the progress, from 0 to 1, and the number of written rows. */
  show(part: number, rows: number): void;
  warn(message: string): void;
}

/** Begins to show progress. */
export function startExportProgress(isTerminal = Deno.stderr.isTerminal()): ExportProgress {
  const log = getLogger("barline");
  const encoder = new TextEncoder();
  const write = (text: string) => void Deno.stderr.writeSync(encoder.encode(text));
  const startedAt = performance.now();
  let shownAt = isTerminal ? -Infinity : startedAt;
  let isShown = false;
  const clear = () => {
    if (isShown) write(CLEAR_LINE);
    isShown = false;
  };
  return {
    show(part, rows) {
      const now = performance.now();
      if (now - shownAt < (isTerminal ? EVERY_MS.terminal : EVERY_MS.log)) return;
      shownAt = now;
      const position = describePosition({ done: part, total: 1 }, now - startedAt, isTerminal ? BAR_WIDTH : 0);
      const line = [...position, `${count(rows)} records`].join(" · ");
      if (!isTerminal) return log.info(`Progress: ${line}`, { rows, done: part, total: 1 });
      write(`${CLEAR_LINE}${line.slice(0, Deno.consoleSize().columns - 1)}`);
      isShown = true;
    },
    warn(message) {
      clear();
      log.warn(literally(printable(message)));
    },
    [Symbol.dispose]: clear,
  };
}
