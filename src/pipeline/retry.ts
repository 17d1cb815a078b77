/**
 * Retries transient faults: exponential backoff with full jitter, so that many writers do not return together.
 *
 * @module
 */
import { retry as retryFunction, RetryError } from "@std/async/retry";

/** The last error of a write whose attempts are used up; `undefined` for any other error. */
export function exhaustedBy(error: unknown): { readonly cause: unknown } | undefined {
  return error instanceof RetryError ? { cause: (error as Error).cause } : undefined;
}

/** Options of {@linkcode retry}. */
export interface RetryOptions {
  /** Attempts in total, the first included. */
  attempts: number;
  /** Longest wait before the first retry, in milliseconds; doubles with each. @default {50} */
  minMs?: number;
  /** Longest wait, in milliseconds. @default {2000} */
  maxMs?: number;
  /** Whether an error is worth another attempt. */
  isRetriable: (error: unknown) => boolean;
  /** Ends the waiting. */
  signal: AbortSignal;
}

/**
 * Calls `fn` until it succeeds.
 *
 * @throws {RetryError} If the attempts are used up; its `cause` is the last error.
 * @throws An error of `fn` that is not retriable, or the signal's reason.
 */
export function retry<T>(fn: () => Promise<T>, options: RetryOptions): Promise<T> {
  return retryFunction(fn, {
    maxAttempts: options.attempts,
    minTimeout: options.minMs ?? 50,
    maxTimeout: options.maxMs ?? 2000,
    multiplier: 2,
    jitter: 1,
    isRetriable: (error: unknown) => !options.signal.aborted && options.isRetriable(error),
    signal: options.signal,
  });
}
