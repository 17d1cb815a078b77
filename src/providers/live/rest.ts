/**
 * Requests to a provider's REST endpoint: paced, repeated where that helps, and understood where it does not.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { TokenBucket } from "../../pipeline/rate.ts";
import { FeedError } from "./feed.ts";

/** What came of a request: an answer, a refusal to slow down, or neither. */
export type CallOutcome = "ok" | "throttled" | "error";

/** Options of {@linkcode getJson}. */
export interface RestOptions {
  headers?: Record<string, string>;
  signal: AbortSignal;
  /** Takes a token for each request. */
  bucket: TokenBucket;
  /** Attempts in all. @default {6} */
  attempts?: number;
  /** First wait of the backoff, in milliseconds; doubles up to a minute, with full jitter. @default {1000} */
  backoffMs?: number;
  /** Longest wait for an answer, in milliseconds. @default {30000} */
  timeoutMs?: number;
  /** Whether an answer with status 200 asks to slow down all the same. */
  isThrottled?: (body: unknown) => boolean;
  /** Whether a refusal says something that the caller understands: its body is returned. */
  isAnswer?: (status: number, body: unknown) => boolean;
  /** Told of each request's outcome. */
  onCall?: (outcome: CallOutcome) => void;
}

const MAX_BACKOFF_MS = 60_000;
/** Statuses that another attempt may change. */
const RETRIABLE = new Set([408, 413, 425, 429, 499]);

/**
 * Gets JSON. A refusal to slow down (429, or what {@linkcode RestOptions.isThrottled} sees), a server error and a broken
 * connection are tried again after a wait, as long as `Retry-After` says.
 *
 * @throws {FeedError} If the endpoint refuses the request, fatal for 401 and 403; or if all attempts failed.
 */
export async function getJson(url: string, options: RestOptions): Promise<unknown> {
  const { signal, attempts = 6, backoffMs = 1000, timeoutMs = 30_000, isThrottled, onCall } = options;
  let last = "";
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await delay(Math.random() * Math.min(backoffMs * 2 ** attempt, MAX_BACKOFF_MS), { signal });
    await options.bucket.take(1, signal);
    const answer = await request(url, options.headers, signal, timeoutMs);
    signal.throwIfAborted();
    const { status, body: said } = answer;
    if (status === 200 ? !isThrottled?.(said) : options.isAnswer?.(status, said)) {
      onCall?.("ok");
      return said;
    }
    const throttled = answer.status === 429 || answer.status === 200;
    onCall?.(throttled ? "throttled" : "error");
    last = `${answer.status === 0 ? "no answer" : `status ${answer.status}`}: ${describe(answer.body)}`;
    if (answer.status !== 0 && answer.status !== 200 && answer.status < 500 && !RETRIABLE.has(answer.status)) {
      const isFatal = answer.status === 401 || answer.status === 403;
      throw new FeedError(`${withoutQuery(url)} refused the request, ${last}`, { isFatal, reason: "refused" });
    }
    if (answer.retryAfterMs > 0) await delay(Math.min(answer.retryAfterMs, 5 * MAX_BACKOFF_MS), { signal });
  }
  throw new FeedError(`${withoutQuery(url)} failed ${attempts} times, the last time ${last}`, { reason: "rest" });
}

interface Answer {
  /** 0 where there was none. */
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterMs: number;
}

async function request(
  url: string,
  headers: Record<string, string> | undefined,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Answer> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    const text = await response.text();
    return { status: response.status, body: parse(text), retryAfterMs: retryAfter(response) };
  } catch (error) {
    return { status: 0, body: (error as Error).message, retryAfterMs: 0 };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}

/** `Retry-After` is in seconds, or a date. */
function retryAfter(response: Response): number {
  const value = response.headers.get("retry-after");
  if (value === null) return 0;
  const seconds = Number(value);
  return Number.isFinite(seconds) ? seconds * 1000 : Math.max(0, Date.parse(value) - Date.now()) || 0;
}

function describe(body: unknown): string {
  return (typeof body === "string" ? body : JSON.stringify(body)).slice(0, 200);
}

/** The address for people to read: a query may hold a key. */
export const withoutQuery = (url: string): string => url.split("?", 1)[0];
