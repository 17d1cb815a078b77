/**
 * Makes errors and foreign text fit for a terminal and a log.
 *
 * @module
 */

/** An error in words, with its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: string };
  const own = code !== undefined && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
  // Some messages include that of their cause.
  const repeats = error.cause instanceof Error && error.message.includes(error.cause.message);
  return error.cause instanceof Error && !repeats ? `${own}: ${describeError(error.cause)}` : own;
}

/**
 * Text with control characters escaped, which could control a terminal or forge a line of a log; and with characters
 * escaped that are invisible or change the direction of writing, which could make it misleading.
 */
export function printable(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text of several lines, each made {@linkcode printable}. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
