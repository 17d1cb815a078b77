/**
 * Columns by the names, places and patterns that a dialect gives.
 *
 * @module
 */
import type { ColumnRef } from "./dialect.ts";

/** The name in lower case, without the brackets, quotes and marks that vendors put around it. */
export const plainName = (name: string): string => name.trim().replace(/^[<\s"\uFEFF]+|[>\s"]+$/g, "").toLowerCase();

/**
 * The places, from 0, of the columns that a reference names; `undefined` if any is missing. The values of several
 * columns are added up.
 */
export function findColumns(ref: ColumnRef, names: readonly string[]): readonly number[] | undefined {
  if (typeof ref === "number") return ref >= 1 ? [ref - 1] : undefined;
  const plain = names.map(plainName);
  const exact = plain.indexOf(plainName(ref));
  if (exact >= 0) return [exact];
  for (const alternative of ref.split("|")) {
    const parts = alternative.split("+").map((part) => findOne(part.trim(), plain));
    if (parts.every((part) => part >= 0)) return parts;
  }
}

function findOne(name: string, plain: readonly string[]): number {
  const exact = plain.indexOf(plainName(name));
  if (exact >= 0) return exact;
  if (name.includes("*")) {
    const parts = plainName(name).split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`^${parts.join(".*")}$`);
    return plain.findIndex((each) => pattern.test(each));
  }
  return /^[1-9]\d*$/.test(name) && plain.length === 0 ? Number(name) - 1 : -1;
}

/** The keys of an object that a reference names, in the order of preference, each as the steps to it. */
export function findKeys(ref: ColumnRef): readonly (readonly string[])[] {
  return String(ref).split("|").map((path) => path.trim().split("."));
}
