/**
 * Appends to a log that may be full.
 *
 * @module
 */
import type { Condition } from "../../condition.ts";
import type { Listener } from "../../events.ts";
import type { LogItem } from "../../journal/format.ts";
import type { JournalLog, LogEntry } from "../../journal/log.ts";

/** Appends until it succeeds or is given up, and tracks the present problem. */
export interface Appender {
  /** The present problem; `undefined` without any. */
  readonly problem: string | undefined;
  /**
   * Appends as soon as there is room. Returns the entries that continue from memory, or `undefined` if it was given up.
   */
  append(items: readonly LogItem[]): Promise<readonly LogEntry[] | undefined>;
  /** Ends the watch over the problem. */
  end(): void;
}

/** Options of {@linkcode createAppender}. */
export interface AppenderOptions {
  log: JournalLog;
  /** Reaction to a full log: wait, or give up the oldest records. */
  full: "block" | "drop-oldest";
  /** Whether entries continue from memory, called when nothing lies on disk. */
  takes: () => boolean;
  /** Time without a refusal after which a problem has ended, in milliseconds. */
  calmMs: number;
  /** Changes when there may be room again. */
  condition: Condition;
  emit: Listener;
  /** Called when the log is full and no old records are given up. */
  onFull: () => void;
  /** Ends the wait for room. */
  abort: AbortSignal;
}

/** How long to wait for room before another look, in milliseconds. */
const RETRY_MS = 250;

/** Makes an appender without a problem. */
export function createAppender(options: AppenderOptions): Appender {
  const { log, full, takes, calmMs, condition, emit, onFull, abort } = options;
  let problem: string | undefined;
  let calming: ReturnType<typeof setTimeout> | undefined;

  /** A log that is full over and over has one problem, which ends after a while without a refusal. */
  function setProblem(reason: string | undefined): void {
    clearTimeout(calming);
    calming = undefined;
    if (problem !== reason) emit({ type: "journal-problem", reason: problem = reason });
  }

  return {
    get problem() {
      return problem;
    },
    async append(items) {
      while (true) {
        const started = performance.now();
        const appended = await log.append(items, takes);
        if (!("refused" in appended)) {
          emit({ type: "journal-synced", seconds: (performance.now() - started) / 1000 });
          if (problem !== undefined) calming ??= setTimeout(() => setProblem(undefined), calmMs);
          return appended.entries;
        }
        setProblem(appended.refused);
        if (abort.aborted) return undefined;
        if (appended.isFull && full === "drop-oldest") {
          const count = await log.dropOldest();
          if (count) emit({ type: "journal-dropped", count, reason: appended.refused });
          if (count !== undefined) continue;
        } else if (appended.isFull) onFull();
        await condition.changed(AbortSignal.any([abort, AbortSignal.timeout(RETRY_MS)]));
      }
    },
    end: () => clearTimeout(calming),
  };
}
