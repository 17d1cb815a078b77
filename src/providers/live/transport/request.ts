/**
 * One HTTP request for JSON: bounded in time and size, and sent to the given host alone.
 *
 * @module
 */
import type { FeedClock } from "../clock.ts";

/** The answer to a request. */
export interface Answer {
  /** Status of the answer; 0 without one. */
  readonly status: number;
  /** The parsed body; text if it is not JSON, or an error's message without an answer. */
  readonly body: unknown;
  /** Whether the body is whole JSON, and not declared as something else. */
  readonly isJson: boolean;
  /** How long the endpoint asks clients to wait, in milliseconds; 0 if it does not. */
  readonly retryAfterMs: number;
}

/** Options of {@linkcode request}. */
export interface RequestOptions {
  headers?: Record<string, string>;
  signal: AbortSignal;
  /** Called with the time of an answer. */
  clock?: Pick<FeedClock, "vendorSaid">;
  /** Longest wait for the whole answer, in milliseconds. */
  timeoutMs: number;
  /** Most bytes of the answer, unpacked. @default {64 MiB} */
  maxBytes?: number;
}

/** Most redirects to follow. */
const MAX_REDIRECTS = 3;
const MAX_BYTES = 64 * 1024 * 1024;
/** Longest duration of an answer whose date is still used, in milliseconds. */
const MAX_TRIP_MS = 2000;
/** Longest wait that an endpoint may ask for, in milliseconds: bans of exchanges last days at most. */
const MAX_RETRY_AFTER_MS = 3 * 24 * 60 * 60_000;

/**
 * Sends a request. Redirects are followed on the same host only: the headers contain a key, and for another host
 * `fetch` leaves out only those of certain names.
 */
export async function request(url: string, options: RequestOptions): Promise<Answer> {
  const { headers, maxBytes = MAX_BYTES } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  try {
    for (let target = url, redirects = 0;; redirects++) {
      const askedAt = performance.now();
      const response = await fetch(target, { headers, signal, redirect: "manual" });
      if (performance.now() - askedAt <= MAX_TRIP_MS) hearDate(response.headers, options.clock);
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        const next = URL.parse(location, target);
        if (next?.origin === new URL(url).origin && redirects < MAX_REDIRECTS) {
          target = next.href;
          continue;
        }
        const where = next?.origin ?? "no address";
        const body = `it sends on to ${where}, and the key is for nobody else: check the address that is configured`;
        return { status: response.status, body, isJson: false, retryAfterMs: 0 };
      }
      const text = await readText(response, maxBytes);
      const { body, isJson } = parse(text);
      return {
        status: response.status,
        body,
        isJson: isJson && isDeclaredJson(response.headers),
        retryAfterMs: readRetryAfter(response),
      };
    }
  } catch (error) {
    return { status: 0, body: (error as Error).message, isJson: false, retryAfterMs: 0 };
  }
}

/**
 * The body as text. A server that never ends it must not fill the memory, and one that ends it early has not answered.
 *
 * @throws {RangeError} If the body is longer than `maxBytes`, or not as long as its header says.
 */
async function readText(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    // Leaving the loop cancels the body.
    if (size > maxBytes) throw new RangeError(`the answer is longer than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  const { headers } = response;
  const length = headers.get("content-length");
  // The header has the length of a packed body.
  if (length !== null && headers.get("content-encoding") === null && Number(length) !== size) {
    throw new RangeError(`the answer is cut: ${size} of ${length} bytes came`);
  }
  return text + decoder.decode();
}

function parse(text: string): { body: unknown; isJson: boolean } {
  try {
    return { body: JSON.parse(text), isJson: true };
  } catch {
    return { body: text.slice(0, 200), isJson: false };
  }
}

/** Passes the `Date` to the clock, without fractions of a second; the date of a cached answer is old. */
function hearDate(headers: Headers, clock: RequestOptions["clock"]): void {
  if (Number(headers.get("age") ?? 0) === 0) clock?.vendorSaid(Date.parse(headers.get("date") ?? "") + 500);
}

/** Whether the type allows JSON: every vendor declares JSON, mirrors may say plain text or nothing. */
function isDeclaredJson(headers: Headers): boolean {
  const type = headers.get("content-type")?.split(";", 1)[0].trim().toLowerCase() ?? "";
  return type === "" || type === "text/plain" || /[/+]json$/.test(type);
}

/** `Retry-After` is in seconds, or a date; `X-RateLimit-Reset` is the time of the next quota, in epoch seconds. */
function readRetryAfter({ status, headers }: Response): number {
  const value = headers.get("retry-after")?.trim();
  const reset = Number(headers.get("x-ratelimit-reset") ?? NaN);
  let waitMs = NaN;
  if (value !== undefined && value !== "") {
    waitMs = Number.isFinite(Number(value)) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  } else if (status === 429) waitMs = reset * 1000 - Date.now();
  return waitMs > 0 ? Math.min(waitMs, MAX_RETRY_AFTER_MS) : 0;
}
