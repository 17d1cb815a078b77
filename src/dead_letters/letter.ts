/**
 * The dead letter: a record that could not be stored, with the reason. One JSON object a line; for rows of a file see
 * `rows.ts`.
 *
 * @module
 */
import type { DeadLetterCause } from "../events.ts";

/** Replays after which a letter that is refused each time is skipped. */
export const DEFAULT_MAX_REPLAYS = 5;

/** The refusal of a record. */
export interface Refusal {
  readonly cause: DeadLetterCause;
  /** The reason: a phrase that many letters share, then `: ` and its particulars. */
  readonly reason: string;
  /** SQLSTATE, if a database refused it. */
  readonly sqlstate?: string;
  /** Number of attempts to write it. */
  readonly attempts?: number;
}

/** A record that the pipeline gives up, with its metadata. */
export interface DeadLetter extends Refusal {
  readonly kind: string;
  readonly provider: string;
  /** `file:line` of its origin. */
  readonly location?: string;
  /** The complete record as JSON, or the rejected item. */
  readonly item: unknown;
}

/** A line of a dead letter file. */
export interface StoredLetter {
  /** When it was written, in seconds since 1970-01-01 UTC. */
  ts: number;
  /** The whole reason. */
  error: string;
  metadata: {
    cause: DeadLetterCause;
    /** The reason without its particulars, which groups letters. */
    reason: string;
    sqlstate?: string;
    kind: string;
    provider: string;
    location?: string;
    attempts?: number;
    /** Number of replays after which it was refused again. */
    replays?: number;
  };
  /** The records, in a form that can be replayed. */
  items: unknown[];
}

/** The line of a letter, with its newline. */
export function formatLetter(letter: DeadLetter, nowMs: number): string {
  const { cause, reason, sqlstate, kind, provider, location, attempts, item } = letter;
  const stored: StoredLetter = {
    ts: nowMs / 1000,
    error: reason,
    metadata: { cause, reason: withoutParticulars(reason), sqlstate, kind, provider, location, attempts },
    items: [item],
  };
  return `${JSON.stringify(stored)}\n`;
}

/**
 * The letter after a replay that was refused again: the replay and its writes are counted, and the newest reason
 * replaces the last. An item that was never readable keeps its first reason, which has more details.
 */
export function refuseAgain(letter: StoredLetter, { cause, reason, sqlstate, attempts }: Refusal): StoredLetter {
  const { metadata } = letter;
  const isSame = cause === "invalid" && metadata.cause === "invalid";
  return {
    ...letter,
    error: isSame ? letter.error : reason,
    metadata: {
      ...metadata,
      ...isSame ? {} : { cause, reason: withoutParticulars(reason), sqlstate },
      attempts: attempts === undefined ? metadata.attempts : (Number(metadata.attempts) || 0) + attempts,
      replays: replaysOf(letter) + 1,
    },
  };
}

/** Number of replays after which a letter was refused again. */
export function replaysOf({ metadata }: StoredLetter): number {
  return Number(metadata.replays) || 0;
}

/** Reads a line; `undefined` if it is not a letter. A letter without a time counts as written in 1970. */
export function parseLetter(line: string): StoredLetter | undefined {
  try {
    const letter = JSON.parse(line);
    if (!Array.isArray(letter?.items) || typeof letter.metadata !== "object" || letter.metadata === null) {
      return undefined;
    }
    return Number.isFinite(letter.ts) ? letter : { ...letter, ts: 0 };
  } catch {
    return undefined;
  }
}

/** The part of a reason that many letters share. */
export function withoutParticulars(reason: string): string {
  return reason.split(": ", 1)[0];
}
