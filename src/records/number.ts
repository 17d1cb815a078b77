/**
 * Decimal text to number, exactly as `Number` would, several times faster for the short plain decimals that prices are.
 *
 * @module
 */

const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => 10 ** power);
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Reads a decimal number; `NaN` for anything else: empty text, hexadecimal, digit groups, `Infinity`. A number is
 * returned unchanged.
 */
export function parseDecimal(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return NaN;
  const read = readDecimal(value, 0, value.length);
  return typeof read === "number" ? read : parseUnusual(read);
}

/**
 * Reads the short plain decimal between two places of a text, without creating a text; anything else is returned as
 * text, for {@linkcode parseDecimal} and for messages.
 *
 * Up to 15 digits are gathered as an integer, which a double represents exactly, and divided by a power of ten, also
 * exact; one division of exact operands is correctly rounded (Clinger 1990, the fast path of `strtod`).
 */
export function readDecimal(text: string, from: number, to: number): number | string {
  const negative = text.charCodeAt(from) === 45;
  let digits = 0;
  let count = 0;
  let point = -1;
  for (let at = negative ? from + 1 : from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57) {
      digits = digits * 10 + (code - 48);
      count++;
    } else if (code === 46 && point < 0) {
      point = at;
    } else {
      return text.slice(from, to);
    }
  }
  if (count === 0 || count > 15) return text.slice(from, to);
  if (point >= 0) digits /= POWERS_OF_TEN[to - point - 1];
  return negative ? -digits : digits;
}

function parseUnusual(text: string): number {
  const trimmed = text.trim();
  return DECIMAL.test(trimmed) ? Number(trimmed) : NaN;
}
