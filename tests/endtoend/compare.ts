/**
 * The table and the dead letters against what they must be.
 *
 * @module
 */
import type { StoredLetter } from "../../src/dead_letters/letter.ts";
import type { Expected } from "./venue.ts";

/** How the table's rows are read: in the order of {@linkcode Expected}. */
export const ROWS = `SELECT symbol, (extract(epoch FROM ts) * 1000)::float8 AS ts,
  ARRAY[open, high, low, close, volume, vwap, trades] AS values, status FROM bars ORDER BY ts, symbol`;

/** What is wrong with the rows, in words: missing, there without reason, with stale values or another status. */
export function compareRows(rows: readonly Record<string, unknown>[], expected: readonly Expected[]): string[] {
  const problems: string[] = [];
  const wanted = new Map(expected.map((row) => [`${row.symbol} ${new Date(row.ts).toISOString()}`, row]));
  for (const { symbol, ts, values, status } of rows) {
    const key = `${symbol} ${new Date(ts as number).toISOString()}`;
    const row = wanted.get(key);
    wanted.delete(key);
    if (row === undefined) problems.push(`${key} is twice, or no bar of the market: ${values}`);
    else if (String((values as unknown[]).slice(0, row.values.length)) !== String(row.values)) {
      problems.push(`${key} is ${values}, expected ${row.values}`);
    } else if (!row.statuses.includes(status as string)) problems.push(`${key} is marked as ${status}`);
  }
  return [...problems, ...Array.from(wanted.keys(), (key) => `${key} is missing`)];
}

/** What is wrong with the letters: each marker that surely arrived has one, and nothing else has. */
export function compareLetters(letters: readonly StoredLetter[], markers: ReadonlyMap<string, boolean>): string[] {
  const texts = letters.map(({ items }) => JSON.stringify(items));
  const problems = Array.from(markers, ([marker, isSure]) => {
    const count = texts.filter((text) => text.includes(marker)).length;
    return count > 1 || (isSure && count === 0) ? `${marker} is ${count} times among the dead letters` : undefined;
  });
  const strangers = texts.filter((text) => !markers.keys().some((marker) => text.includes(marker)));
  return [...problems.filter((problem) => problem !== undefined), ...strangers.map((text) => `dead letter: ${text}`)];
}
