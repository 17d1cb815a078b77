/**
 * Keeps the key out of what people read.
 *
 * @module
 */
import { FeedError } from "../feed.ts";

/** A shorter key is made up: no vendor hands one out, and it may be a part of any message. */
const MIN_LENGTH = 8;

/** The text without the key. */
export function withoutKey(text: string, key: string): string {
  return key.length >= MIN_LENGTH && text.includes(key) ? text.replaceAll(key, "(key)") : text;
}

/** The error unchanged; where its message has the key, another one without it. Its stack would have it too. */
export function errorWithoutKey(error: unknown, key: string): unknown {
  if (!(error instanceof FeedError) || withoutKey(error.message, key) === error.message) return error;
  const { isFatal, cooldownMs, reason } = error;
  return new FeedError(withoutKey(error.message, key), { isFatal, cooldownMs, reason });
}
