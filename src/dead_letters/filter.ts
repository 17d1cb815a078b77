/**
 * Choosing dead letters.
 *
 * @module
 */
import type { LocatedLetter } from "./directory.ts";

const FIELDS = ["reason", "cause", "sqlstate", "provider", "kind", "location", "symbol"];

/**
 * Makes the test for `field=text` conditions joined by commas, all of which must hold. A comma within a text is kept as
 * long as no `field=` follows it. Without conditions every letter passes.
 *
 * @throws {RangeError} If a field is not known.
 */
export function parseFilter(text: string | undefined): (letter: LocatedLetter) => boolean {
  if (text === undefined || text === "") return () => true;
  const conditions = text.split(/,(?=\s*\w+=)/).map((part) => {
    const at = part.indexOf("=");
    const field = part.slice(0, at).trim();
    if (at < 0 || !FIELDS.includes(field)) {
      throw new RangeError(`Cannot filter by "${part}": wanted is FIELD=TEXT with one of ${FIELDS.join(", ")}`);
    }
    return { field, value: part.slice(at + 1).trim() };
  });
  return ({ letter }) =>
    conditions.every(({ field, value }) =>
      field === "symbol"
        ? letter.items.some((item) => (item as { symbol?: unknown } | null)?.symbol === value)
        : String((letter.metadata as Record<string, unknown>)[field] ?? "") === value
    );
}
