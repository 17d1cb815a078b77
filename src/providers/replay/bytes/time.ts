/**
 * Reads times from bytes, exactly as `records/time.ts` reads their text.
 *
 * @module
 */
import { readEpoch } from "../../../files/epoch.ts";
import { createPlainIsoReader } from "../../../files/iso.ts";
import type { TimeUnit } from "../../../records/time.ts";

/**
 * Reads the time between two places into epoch milliseconds. `NaN` means that `timeParser` has to read the text: it is
 * not a time, or an unusual one.
 */
export type TimeReader = (bytes: Uint8Array, from: number, to: number) => number;

/** Makes a reader of times of this unit. */
export function createTimeReader(unit: TimeUnit): TimeReader {
  if (unit !== "iso") return (bytes, from, to) => readEpoch(bytes, from, to, unit);
  const iso = createPlainIsoReader();
  // A time without a zone has no offset, and is not valid here.
  return (bytes, from, to) => iso.read(bytes, from, to) - iso.offsetMs;
}
