/**
 * Reads numbers as people write them: with a decimal comma, groups of three digits, signs of currencies, or K, M and B.
 *
 * @module
 */
import { parseDecimal } from "../records/number.ts";
import type { Dialect } from "./dialect.ts";

/** The notation of numbers. */
export type NumberFormat = Pick<Dialect, "decimal" | "thousands" | "strip" | "suffixes">;

const FACTORS: Readonly<Record<string, number>> = { K: 3, M: 6, B: 9 };

/** Whether numbers are plain decimals with a point. */
export function isPlain({ decimal = ".", thousands, strip, suffixes }: NumberFormat): boolean {
  return decimal === "." && thousands === undefined && strip === undefined && !suffixes;
}

/**
 * Creates a function that reads a number's text; `NaN` for other texts. Groups must have three digits: `1,5` is not 15.
 */
export function createNumberReader(format: NumberFormat): (text: string) => number {
  if (isPlain(format)) return parseDecimal;
  const { decimal = ".", thousands, strip = "", suffixes = false } = format;
  const marks = thousands === undefined ? "" : isSpace(thousands) ? "[ \\u00a0\\u202f]" : escape(thousands);
  const grouped = new RegExp(`^[+-]?\\d{1,3}(${marks}\\d{3})+(${escape(decimal)}\\d*)?$`);
  const groups = new RegExp(marks, "g");
  return (text) => {
    let plain = text.trim();
    if (strip !== "") plain = [...plain].filter((letter) => !strip.includes(letter)).join("").trim();
    let power = 0;
    const last = plain.at(-1)?.toUpperCase() ?? "";
    if (suffixes && FACTORS[last] !== undefined) {
      power = FACTORS[last];
      plain = plain.slice(0, -1);
    }
    if (marks !== "" && grouped.test(plain)) plain = plain.replace(groups, "");
    if (decimal === ",") {
      if (plain.includes(".")) return NaN;
      plain = plain.replace(",", ".");
    }
    const value = parseDecimal(plain);
    // By its text, as 1.1 × 1000000 is not 1100000.
    return power === 0 || Number.isNaN(value) ? value : Number(`${plain}e${power}`);
  };
}

const isSpace = (mark: string) => mark === " " || mark === "\u00a0" || mark === "\u202f";
const escape = (mark: string) => mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A decimal with at most one mark, a point. */
const PLAIN = /^[+-]?\d*\.?\d*(?:[eE][+-]?\d+)?$/;

/** The marks that a sample of numbers has. */
export type Marks = { readonly decimal?: "." | ","; readonly thousands?: string } | "ambiguous";

/** Finds the marks of numbers, if only one reading fits all of them; else `ambiguous`. */
export function findMarks(texts: readonly string[], delimiter: string): Marks {
  if (delimiter !== ";" && texts.every((text) => PLAIN.test(text))) return {};
  const shown = texts.map((text) => text.trim()).filter((text) => /\d/.test(text));
  const comma = shown.filter((text) => text.includes(","));
  const point = shown.filter((text) => text.includes("."));
  const both = shown.find((text) => text.includes(",") && text.includes("."));
  if (both !== undefined) {
    return both.lastIndexOf(",") > both.lastIndexOf(".") ? { decimal: ",", thousands: "." } : { thousands: "," };
  }
  const space = shown.some((text) => /\d[ \u00a0\u202f]\d{3}/.test(text)) ? { thousands: " " } : {};
  const isGroup = (mark: string) => (text: string) => new RegExp(`^[+-]?\\d{1,3}(\\${mark}\\d{3})+$`).test(text);
  if (comma.length > 0) {
    if (point.length > 0) {
      const [groupsByComma, groupsByPoint] = [comma.every(isGroup(",")), point.every(isGroup("."))];
      if (groupsByComma === groupsByPoint) return "ambiguous";
      return groupsByComma ? { thousands: "," } : { decimal: ",", thousands: "." };
    }
    if (comma.some((text) => text.split(",").length > 2)) {
      return comma.every(isGroup(",")) ? { thousands: "," } : "ambiguous";
    }
    return comma.every(isGroup(",")) ? "ambiguous" : { decimal: ",", ...space };
  }
  if (point.some((text) => text.split(".").length > 2)) {
    return point.every(isGroup(".")) ? { decimal: ",", thousands: "." } : "ambiguous";
  }
  if (
    point.length > 0 && delimiter === ";" && point.every(isGroup(".")) && !point.some((text) => /^[+-]?0/.test(text))
  ) {
    return "ambiguous";
  }
  return { ...space };
}
