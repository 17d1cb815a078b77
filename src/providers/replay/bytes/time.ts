/**
 * Times read from bytes, exactly as `records/time.ts` reads their text.
 *
 * @module
 */
import { readEpoch } from "../../../files/epoch.ts";
import { createPlainIsoReader } from "../../../files/iso.ts";
import type { TimeUnit } from "../../../records/time.ts";

/**
 * Reads the time between two places into epoch milliseconds. `NaN` stands for "not read here": the text is no time, or an
 * unusual one, and is left to `timeParser`.
 */
export type TimeReader = (bytes: Uint8Array, from: number, to: number) => number;

/** Makes a reader of times of this unit. */
export function createTimeReader(unit: TimeUnit): TimeReader {
  if (unit !== "iso") return (bytes, from, to) => readEpoch(bytes, from, to, unit);
  const iso = createPlainIsoReader();
  // One without a zone has no offset, and is no time here.
  return (bytes, from, to) => iso.read(bytes, from, to) - iso.offsetMs;
}
