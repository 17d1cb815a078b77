/**
 * The registry of record kinds. To add one, write `src/records/NAME.ts` and add its line to {@linkcode recordKinds}.
 *
 * @module
 */
import type { RecordKind } from "./kind.ts";
import { bar } from "./bar.ts";
import { fundamental } from "./fundamental.ts";
import { news } from "./news.ts";
import { option } from "./option.ts";

/** All kinds of records by name. */
export const recordKinds = {
  bar,
  option,
  fundamental,
  news,
} as const;

/** Name of a kind of records. */
export type KindName = keyof typeof recordKinds;

/**
 * The kind of that name.
 *
 * @throws {RangeError} If no kind has the name.
 */
export function recordKind(name: string): RecordKind {
  if (!Object.hasOwn(recordKinds, name)) {
    throw new RangeError(`Cannot find record kind "${name}": known are ${Object.keys(recordKinds).join(", ")}`);
  }
  // A kind only gets its own records, as frames have the name of their kind.
  return recordKinds[name as KindName] as unknown as RecordKind;
}
