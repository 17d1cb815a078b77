/**
 * The dead letter: a record that could not be stored, and why. One JSON object a line.
 *
 * @module
 */
import type { DeadLetterCause } from "../events.ts";

/** What the pipeline says of a record that it gives up. */
export interface DeadLetter {
  readonly cause: DeadLetterCause;
  /** Why, in words: a phrase that many letters share, then `: ` and what was particular. */
  readonly reason: string;
  /** SQLSTATE, where a database refused it. */
  readonly sqlstate?: string;
  readonly kind: string;
  readonly provider: string;
  /** `file:line` that it was read from. */
  readonly location?: string;
  /** Writes that were tried. */
  readonly attempts?: number;
  /** The record, complete, as JSON; or what came in its place. */
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
    metadata: { cause, reason: reason.split(": ", 1)[0], sqlstate, kind, provider, location, attempts },
    items: [item],
  };
  return `${JSON.stringify(stored)}\n`;
}

/** Reads a line; `undefined` where it is not a letter. */
export function parseLetter(line: string): StoredLetter | undefined {
  try {
    const letter = JSON.parse(line);
    return Array.isArray(letter?.items) && typeof letter.metadata === "object" && letter.metadata !== null
      ? letter
      : undefined;
  } catch {
    return undefined;
  }
}
