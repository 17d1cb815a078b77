/**
 * Choosing dead letters.
 *
 * @module
 */
import type { LocatedLetter } from "./receipts.ts";

/** Whether a letter is chosen. */
export type LetterFilter = (letter: LocatedLetter) => boolean;

/** Fields to choose letters by. */
export const FILTER_FIELDS: readonly string[] = [
  "reason",
  "cause",
  "sqlstate",
  "provider",
  "kind",
  "location",
  "symbol",
];

/** Criteria for letters; all must hold. */
export interface LetterChoice {
  /** `field=text` conditions joined by commas, or the texts by field. */
  readonly where?: string | Readonly<Record<string, string>>;
  /** Durations like `90s`, `15m`, `12h`, `1d12h`, `2w`: the age of the letter. */
  readonly olderThan?: string;
  readonly newerThan?: string;
}

/**
 * Creates the test for a choice. A comma within the text of a condition belongs to it unless `field=` follows. Without
 * conditions every letter passes.
 *
 * @throws {RangeError} If a field or a duration is not valid.
 */
export function parseFilter({ where, olderThan, newerThan }: LetterChoice, nowMs: number = Date.now()): LetterFilter {
  const conditions = parseConditions(where);
  const until = olderThan === undefined ? Infinity : nowMs - parseDuration(olderThan);
  const since = newerThan === undefined ? -Infinity : nowMs - parseDuration(newerThan);
  return ({ letter }) =>
    letter.ts * 1000 <= until && letter.ts * 1000 >= since &&
    conditions.every(({ field, value }) =>
      field === "symbol"
        ? letter.items.some((item) => (item as { symbol?: unknown } | null)?.symbol === value)
        : String((letter.metadata as Record<string, unknown>)[field] ?? "") === value
    );
}

function parseConditions(where: LetterChoice["where"] = ""): { field: string; value: string }[] {
  const conditions = typeof where === "object"
    ? Object.entries(where).map(([field, value]) => ({ part: field, field, value }))
    : where === ""
    ? []
    : where.split(/,(?=\s*\w+=)/).map((part) => {
      const [field] = part.split("=", 1);
      return { part, field: field.trim(), value: part.slice(field.length + 1).trim() };
    });
  for (const { part, field } of conditions) {
    if (!FILTER_FIELDS.includes(field)) {
      throw new RangeError(`Cannot filter by "${part}": expected FIELD=TEXT with one of ${FILTER_FIELDS.join(", ")}`);
    }
  }
  return conditions;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * A duration like `1d12h` in milliseconds.
 *
 * @throws {RangeError} If it is not a duration.
 */
export function parseDuration(text: string): number {
  if (!/^(\d+(\.\d+)?[smhdw])+$/.test(text)) {
    throw new RangeError(
      `Cannot understand the duration "${text}": expected a number and s, m, h, d or w, as in 1d12h`,
    );
  }
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) seconds += Number(number) * UNITS[unit];
  return seconds * 1000;
}
