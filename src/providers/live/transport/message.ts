/**
 * Reads messages of a stream: no message may throw, fill the memory, or get lost without a report.
 *
 * @module
 */
import { bar as kind } from "../../../records/bar.ts";
import type { Rejected } from "../../../records/frame.ts";
import { TIMEFRAMES } from "../../../records/timeframe.ts";
import { explainAhead, type FeedClock } from "../clock.ts";
import type { FeedBar, Session } from "../feed.ts";

/** Longest message to read, in UTF-16 units: the bars of ten thousand symbols take a quarter of it. */
const MAX_LENGTH = 8 * 1024 * 1024;
/** Length to keep of a rejected message, or part of one, in UTF-16 units. */
const RAW_LENGTH = 1000;
/** Longest JSON of a part that is kept whole: many times a bar. */
const MAX_PART_LENGTH = 8000;
/** Most parts of one message that are rejected one by one. */
const MAX_PARTS = 100;

/** Rejects a part of a message that is not a record, with the reason. */
export type Reject = (item: unknown, reason: string) => void;

/**
 * Passes the JSON of a message to `take`. Its rejected items are handed over even if it throws; a message that is not
 * JSON is rejected as a whole.
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

/** The beginning of a message, if no more can be kept. */
export const excerpt = (text: string): { raw: string } => ({ raw: text.slice(0, RAW_LENGTH) });

/**
 * Rejects parts of a message, or only its beginning if it consists of little else: otherwise a single message could
 * outgrow the pipeline.
 */
export function rejectParts(session: Pick<Session, "reject">, text: string, parts: readonly Rejected[]): void {
  if (parts.length > MAX_PARTS) {
    const reason = `${parts[0].reason}, like ${parts.length - 1} further parts of the message`;
    return session.reject(excerpt(text), reason);
  }
  for (const { item, reason } of parts) session.reject(shorten(item, text), reason);
}

/** The item, or its beginning if it is long, or nested too deeply to be written again. */
function shorten(item: unknown, text: string): unknown {
  try {
    const written = JSON.stringify(item);
    return written.length <= MAX_PART_LENGTH ? item : excerpt(written);
  } catch {
    return excerpt(text);
  }
}

/** Whether an optional field is absent, `null`, or a number. */
export function isAbsentOrNumber(value: unknown): value is number | null | undefined {
  return value === undefined || value === null || typeof value === "number";
}

/**
 * Why a bar is impossible, for feeds that compare bars with earlier ones: a bar of the future would count as the
 * newest, and every true one as a correction.
 */
export function explainBar(bar: FeedBar, clock?: Pick<FeedClock, "now" | "reached">): string | undefined {
  const now = Date.now();
  const ahead = bar.ts <= now ? undefined : explainAhead(bar.ts, TIMEFRAMES.get(bar.timeframe)!, clock);
  return ahead ?? kind.validate({ ...bar, provider: "", receivedAt: 0 }, Math.max(bar.ts, now));
}
