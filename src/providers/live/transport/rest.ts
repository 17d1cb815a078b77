/**
 * Requests to a provider's REST endpoint, and chains of pages: paced, and repeated if that helps.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { TokenBucket } from "../../../pipeline/rate.ts";
import { FeedError } from "../feed.ts";
import { request, type RequestOptions } from "./request.ts";

/** The outcome of a request: an answer, a refusal to slow down, or neither. */
export type CallOutcome = "ok" | "throttled" | "error";

/** Options of {@linkcode getJson}. */
export interface RestOptions extends Omit<RequestOptions, "timeoutMs"> {
  /** Gives a token for each request, and pauses if the endpoint asks for it. */
  bucket: TokenBucket;
  /** Attempts in all. @default {6} */
  attempts?: number;
  /** First wait of the backoff, in milliseconds; doubles up to a minute, with full jitter. @default {1000} */
  backoffMs?: number;
  /** Longest wait for an answer, in milliseconds. @default {30000} */
  timeoutMs?: number;
  /** Whether an answer with status 200 asks to slow down all the same. */
  isThrottled?: (body: unknown) => boolean;
  /** Why an answer with status 200 is not sound, to end its sentence; `undefined` if it is. */
  findFault?: (body: unknown) => string | undefined;
  /** Whether a refusal is a valid answer for the caller, so that its body is returned. */
  isAnswer?: (status: number, body: unknown) => boolean;
  /** Advice about a refusal, to end its message. */
  advise?: (status: number, body: unknown) => string | undefined;
  /** Called before each request. */
  onRequest?: () => void;
  /** Called with each request's outcome. */
  onCall?: (outcome: CallOutcome) => void;
}

const MAX_BACKOFF_MS = 60_000;
/** Longest wait without a warning, in milliseconds. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;
/** Statuses that ask to slow down; exchanges send 418 to clients that did not. */
const THROTTLED = new Set([418, 429]);
/** Further statuses that another attempt may change; 0 means no answer. */
const RETRIABLE = new Set([0, 408, 413, 425, 499]);

/**
 * Gets JSON. After a refusal to slow down (429, or one that {@linkcode RestOptions.isThrottled} recognises), a server
 * error, an answer that is not JSON or has a fault ({@linkcode RestOptions.findFault}), or a broken connection, it
 * waits and tries again. For the time of `Retry-After`, and during the wait after a refusal to slow down, all other
 * callers of the endpoint wait, too.
 *
 * @throws {FeedError} If the endpoint refuses the request, fatal for 401 and 403; or if all attempts failed, with the
 * reason `history` if the last answer has a fault.
 */
export async function getJson(url: string, options: RestOptions): Promise<unknown> {
  const { signal, bucket, attempts = 6, backoffMs = 1000, timeoutMs = 30_000, onRequest, onCall } = options;
  for (let attempt = 1;; attempt++) {
    await bucket.take(1, signal);
    onRequest?.();
    const { status, body, isJson, retryAfterMs } = await request(url, { ...options, timeoutMs });
    signal.throwIfAborted();
    const isThrottled = THROTTLED.has(status) || status === 200 && isJson && options.isThrottled?.(body) === true;
    const fault = status === 200 && isJson && !isThrottled ? options.findFault?.(body) : undefined;
    if (status === 200 ? isJson && !isThrottled && fault === undefined : options.isAnswer?.(status, body)) {
      onCall?.("ok");
      return body;
    }
    onCall?.(isThrottled ? "throttled" : "error");
    const said = fault === undefined ? describe(status, body) : `an answer that ${fault}: ${excerpt(body)}`;
    if (!isThrottled && status !== 200 && status < 500 && !RETRIABLE.has(status)) {
      const advice = options.advise?.(status, body);
      throw new FeedError(
        `${withoutQuery(url)} refused the request, ${said}${advice === undefined ? "" : `: ${advice}`}`,
        { isFatal: status === 401 || status === 403, reason: "refused" },
      );
    }
    const waitMs = retryAfterMs + Math.random() * Math.min(backoffMs * 2 ** attempt, MAX_BACKOFF_MS);
    if (isThrottled || retryAfterMs > 0) bucket.pause(waitMs);
    if (retryAfterMs > MAX_RETRY_AFTER_MS) {
      const minutes = Math.ceil(retryAfterMs / 60_000);
      throw new FeedError(`${withoutQuery(url)} asks to be left alone for ${minutes} minutes, ${said}`, {
        reason: "rest",
      });
    }
    if (attempt === attempts) {
      throw new FeedError(`${withoutQuery(url)} failed ${attempts} times, the last time ${said}`, {
        reason: fault === undefined ? "rest" : "history",
      });
    }
    await delay(waitMs, { signal });
  }
}

function describe(status: number, body: unknown): string {
  return `${status === 0 ? "no answer" : `status ${status}`}: ${excerpt(body)}`;
}

const excerpt = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body)).slice(0, 200);

/** The address for messages, without its query, which may contain a key. */
export const withoutQuery = (url: string): string => url.split("?", 1)[0];

/**
 * Creates a check of a chain of pages, each with the address of the next. Call it with the token or address of the next
 * page.
 *
 * @throws {FeedError} If the chain had that page before: it would never end.
 */
export function createChain(name: string): (next: string) => void {
  const seen = new Set<string>();
  return (next) => {
    if (seen.has(next)) throw new FeedError(`${name} repeats a page: the chain never ends`, { reason: "history" });
    seen.add(next);
  };
}
