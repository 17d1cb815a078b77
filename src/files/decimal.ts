/**
 * Decimal numbers read from bytes, exactly as `Number` reads their text.
 *
 * @module
 */

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);
const MAX_POWER = 22;
/** Below it a double holds each whole number exactly. */
const EXACT_BELOW = 2 ** 53;
/** Cap of exponents: larger ones need no exact value, since all of them overflow. */
const EXPONENT_CAP = 10_000;

const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const LETTER_E = 101;
const LOWER_CASE = 32;

/**
 * Reads the decimal between two places; `mark` is the byte of its decimal mark. `NaN` means that `parseDecimal` has to
 * read the text: it is not a decimal, is padded, or has more digits than are exact.
 *
 * The digits make a whole number below 2^53 and the power of ten is at most 10^22, so a double holds both exactly, and
 * one multiplication or division of exact operands is correctly rounded (Clinger 1990).
 */
export function readDecimal(bytes: Uint8Array, from: number, to: number, mark = POINT): number {
  let at = from;
  const isNegative = bytes[at] === MINUS;
  if (isNegative || bytes[at] === PLUS) at++;
  const first = at;
  let digits = 0;
  while (at < to) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) break;
    digits = digits * 10 + digit;
    at++;
  }
  let count = at - first;
  let power = 0;
  if (at < to && bytes[at] === mark) {
    const fraction = ++at;
    while (at < to) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      digits = digits * 10 + digit;
      at++;
    }
    power = fraction - at;
    count -= power;
  }
  if (count === 0 || digits >= EXACT_BELOW) return NaN;
  if (at < to) power += readExponent(bytes, at, to);
  if (power < 0) digits /= power < -MAX_POWER ? NaN : POWERS_OF_TEN[-power];
  else if (power !== 0) digits *= power <= MAX_POWER ? POWERS_OF_TEN[power] : NaN;
  return isNegative ? -digits : digits;
}

/** Reads `e+12` up to `to`; `NaN` for anything else. */
function readExponent(bytes: Uint8Array, from: number, to: number): number {
  if ((bytes[from] | LOWER_CASE) !== LETTER_E) return NaN;
  let at = from + 1;
  const isNegative = bytes[at] === MINUS;
  if (at < to && (isNegative || bytes[at] === PLUS)) at++;
  if (at === to) return NaN;
  let exponent = 0;
  for (; at < to; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    exponent = Math.min(exponent * 10 + digit, EXPONENT_CAP);
  }
  return isNegative ? -exponent : exponent;
}
