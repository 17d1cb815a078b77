/**
 * Keeps the key out of messages, logs and dead letters.
 *
 * @module
 */
import { FeedError } from "../feed.ts";

/** A shorter key is not real: no vendor issues one, and it may occur in any message. */
const MIN_LENGTH = 8;

/** The text without the key. */
export function withoutKey(text: string, key: string): string {
  return key.length >= MIN_LENGTH && text.includes(key) ? text.replaceAll(key, "(key)") : text;
}

/** The error, replaced by one without the key if its message has it, since its stack would have it, too. */
export function errorWithoutKey(error: unknown, key: string): unknown {
  if (!(error instanceof FeedError) || withoutKey(error.message, key) === error.message) return error;
  const { isFatal, cooldownMs, reason } = error;
  return new FeedError(withoutKey(error.message, key), { isFatal, cooldownMs, reason });
}
