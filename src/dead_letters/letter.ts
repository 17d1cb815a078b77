/**
 * The dead letter: a record that could not be stored, and why. One JSON object a line; for rows of a file see `rows.ts`.
 *
 * @module
 */
import type { DeadLetterCause } from "../events.ts";

/** Replays after which a letter that is refused each time is left alone. */
export const DEFAULT_MAX_REPLAYS = 5;

/** Why a record is given up. */
export interface Refusal {
  readonly cause: DeadLetterCause;
  /** Why, in words: a phrase that many letters share, then `: ` and its particulars. */
  readonly reason: string;
  /** SQLSTATE, where a database refused it. */
  readonly sqlstate?: string;
  /** Writes that were tried. */
  readonly attempts?: number;
}

/** Metadata of a record that the pipeline gives up. */
export interface DeadLetter extends Refusal {
  readonly kind: string;
  readonly provider: string;
  /** `file:line` that it was read from. */
  readonly location?: string;
  /** The record, complete, as JSON; or the item that came in its place. */
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
    /** The reason without its particulars, by which letters are grouped. */
    reason: string;
    sqlstate?: string;
    kind: string;
    provider: string;
    location?: string;
    attempts?: number;
    /** How often it was replayed and refused again. */
    replays?: number;
  };
  /** The records, each as it can be replayed. */
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
 * The letter after a replay that was refused again: one more replay and its writes are counted, and the newest reason
 * stands. An item that could not be read at first keeps its first reason, which knew more.
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

/** How often a letter was replayed and refused again. */
export function replaysOf({ metadata }: StoredLetter): number {
  return Number(metadata.replays) || 0;
}

/** Reads a line; `undefined` where it is not a letter. A letter without a time counts as of 1970. */
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
