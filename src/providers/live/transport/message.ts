/**
 * Reads messages of a stream: none of them may throw, fill the memory, or get lost without a report.
 *
 * @module
 */
import { bar as kind } from "../../../records/bar.ts";
import type { Rejected } from "../../../records/frame.ts";
import { TIMEFRAMES } from "../../../records/timeframe.ts";
import { explainAhead, type FeedClock } from "../clock.ts";
import type { FeedBar, Session } from "../feed.ts";

/** Longest message that is read, in UTF-16 units: the bars of ten thousand symbols are a quarter of it. */
const MAX_LENGTH = 8 * 1024 * 1024;
/** How much is kept of a message, or of a part of one, that is rejected and long, in UTF-16 units. */
const RAW_LENGTH = 1000;
/** Longest JSON of a part that is kept whole: many times a bar. */
const MAX_PART_LENGTH = 8000;
/** Most parts of one message that are rejected one by one. */
const MAX_PARTS = 100;

/** Notes a part of a message that is no record, and why. */
export type Reject = (item: unknown, reason: string) => void;

/**
 * Passes the JSON of a message to `take`. Items that it rejects are handed over whether it throws or not; a message
 * that is no JSON is rejected as a whole.
 */
export function readMessage(
  session: Pick<Session, "reject">,
  text: string,
  take: (value: unknown, reject: Reject) => void,
): void {
  const { value, problem } = parseMessage(text);
  const rejected: Rejected[] = [];
  const reject: Reject = (item, reason) => void rejected.push({ item, reason });
  try {
    if (problem === undefined) take(value, reject);
    else reject(excerpt(text), problem);
  } finally {
    rejectParts(session, text, rejected);
  }
}

/** The JSON of a message, or its problem. */
export function parseMessage(text: string): { value?: unknown; problem?: string } {
  if (text.length > MAX_LENGTH) return { problem: `message is longer than ${MAX_LENGTH} characters: ${text.length}` };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { problem: "message is not JSON" };
  }
}

/** The beginning of a message, where it is all that can be kept. */
export const excerpt = (text: string): { raw: string } => ({ raw: text.slice(0, RAW_LENGTH) });

/**
 * Rejects parts of a message; of one that is hardly anything else its beginning alone, or a single message could outgrow
 * what the pipeline holds.
 */
export function rejectParts(session: Pick<Session, "reject">, text: string, parts: readonly Rejected[]): void {
  if (parts.length > MAX_PARTS) {
    const reason = `${parts[0].reason}, like ${parts.length - 1} further parts of the message`;
    return session.reject(excerpt(text), reason);
  }
  for (const { item, reason } of parts) session.reject(shorten(item, text), reason);
}

/** The item; the beginning of what is long, or is nested too deeply to be written again. */
function shorten(item: unknown, text: string): unknown {
  try {
    const written = JSON.stringify(item);
    return written.length <= MAX_PART_LENGTH ? item : excerpt(written);
  } catch {
    return excerpt(text);
  }
}

/** Whether an optional field is absent, or `null`, or a number. */
export function isAbsentOrNumber(value: unknown): value is number | null | undefined {
  return value === undefined || value === null || typeof value === "number";
}

/**
 * Why a bar cannot be, if it cannot, for feeds that compare bars with those before: one of the future would pass for the
 * newest, and every true one for a correction.
 */
export function explainBar(bar: FeedBar, clock?: Pick<FeedClock, "now" | "reached">): string | undefined {
  const now = Date.now();
  const ahead = bar.ts <= now ? undefined : explainAhead(bar.ts, TIMEFRAMES.get(bar.timeframe)!, clock);
  return ahead ?? kind.validate({ ...bar, provider: "", receivedAt: 0 }, Math.max(bar.ts, now));
}
