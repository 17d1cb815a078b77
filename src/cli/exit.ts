/**
 * The end of a command: the table of exit codes, and the choice among them at the end of a run.
 *
 * @module
 */
import type { Unread } from "../app/run.ts";
import type { TenantOutcome } from "../app/tenant.ts";
import { imbalance } from "../pipeline/ledger.ts";

/** Exit codes. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  unbalanced: 4,
  deadLetters: 5,
  interrupted: 130,
  terminated: 143,
} as const;

/**
 * The table of exit codes for people, in `--help` and in the documentation. The first of 2, 4, 1, 5, 130 that applies
 * is returned.
 */
export const EXIT_CODES: readonly { readonly codes: string; readonly meaning: string }[] = [
  { codes: "0", meaning: "done; also a live feed that was stopped" },
  { codes: "1", meaning: "failed: the error says why" },
  { codes: "2", meaning: "the command line, the configuration or the set-up of the database is wrong" },
  { codes: "4", meaning: "the ledger does not balance, or has records that were dropped or swallowed" },
  { codes: "5", meaning: "there are dead letters, with --strict" },
  {
    codes: "130, 143",
    meaning: "stopped by SIGINT or SIGTERM before the end of its input, or given up by a second one",
  },
];

/** Whether a run has read all its input, was stopped before, or failed. */
export type Ended = "complete" | "stopped" | "failed";

/** The end of a run. */
export interface RunEnd {
  readonly ended: Ended;
  /** The reason of a failure. */
  readonly error?: unknown;
  readonly code: number;
  /** Whether it was stopped before the end of a finite input. */
  readonly isCut: boolean;
}

/** The facts for {@linkcode endOf}. */
export interface RunFacts {
  readonly outcome: TenantOutcome;
  /** Signals to stop the run, in order. */
  readonly signals: readonly Deno.Signal[];
  readonly unread: Unread;
  /** Whether a stop was requested: by a signal, or over HTTP. */
  readonly isStopped: boolean;
  /** `--strict`. */
  readonly isStrict: boolean;
}

/** Determines the end of a run, with its exit code. */
export function endOf({ outcome: { ledger, failure }, signals, unread, isStopped, isStrict }: RunFacts): RunEnd {
  const isGivenUp = signals.length > 1;
  const error = failure ?? (isGivenUp ? new Error(`Given up: ${signals.at(-1)} came a second time`) : undefined);
  const ended = error !== undefined ? "failed" : isStopped && unread !== "nothing" ? "stopped" : "complete";
  const code = isUnaccounted(ledger)
    ? EXIT.unbalanced
    : failure !== undefined
    ? EXIT.failed
    : isStrict && ledger.deadLettered > 0
    ? EXIT.deadLetters
    : isGivenUp || signals.length > 0 && unread === "input"
    ? codeOfSignal(signals.at(-1)!)
    : EXIT.done;
  return { ended, error, code, isCut: ended === "stopped" && unread === "input" };
}

function isUnaccounted(ledger: TenantOutcome["ledger"]): boolean {
  return imbalance(ledger) !== 0 || ledger.dropped !== undefined || ledger.swallowed !== undefined;
}

/** 128 plus the signal's number, as in shells. */
export function codeOfSignal(signal: Deno.Signal): number {
  return signal === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}
