/**
 * Guesses the format of the times of a sample. A format is taken only if no other reads all of them.
 *
 * @module
 */
import { unitOf } from "./epoch.ts";
import { createIsoReader, readClock } from "./iso.ts";
import { createFormatReader } from "./time_format.ts";

/** Result of a guess. */
export type TimeGuess =
  | { readonly is: "iso"; readonly hasOffset: boolean; readonly hasClock: boolean }
  | { readonly is: "format"; readonly format: string; readonly hasOffset: boolean; readonly hasClock: boolean }
  /** Numbers that count from 1970, in the unit that fits their size. */
  | { readonly is: "epoch"; readonly unit: string }
  /** Several formats read all of them. */
  | { readonly is: "ambiguous"; readonly formats: readonly string[] }
  | { readonly is: "unknown" };

/** Formats to try; day first and month first always come as a pair. */
const FORMATS = [
  "%Y%m%d",
  "%Y%m%d%H%M%S",
  "%Y%m%d%H%M",
  "%Y%m%d %H%M%S",
  "%Y%m%d %H%M",
  "%Y%m%d %H:%M:%S[.%f]",
  "%Y%m%d %H:%M",
  ...["/", ".", "-"].flatMap((mark) =>
    [`%d${mark}%m${mark}%Y`, `%m${mark}%d${mark}%Y`].flatMap((date) => [
      date,
      `${date} %H:%M[:%S[.%f]]`,
      `${date} %I:%M %p`,
      `${date} %I:%M:%S %p`,
    ])
  ),
  "%d %b %Y",
  "%b %d, %Y",
  "%d-%b-%Y",
];

const encoder = new TextEncoder();

/** Guesses the format; `clocks` are the times of day, if they have a column of their own. */
export function guessTime(texts: readonly string[], clocks?: readonly string[]): TimeGuess {
  if (texts.length === 0) return { is: "unknown" };
  const all = texts.map((text) => encoder.encode(text));
  if (clocks !== undefined) {
    const isClock = clocks.map((text) => encoder.encode(text)).every((each) =>
      !Number.isNaN(readClock(each, 0, each.length))
    );
    if (!isClock) return { is: "unknown" };
  }
  const readsAll = (reader: { read(bytes: Uint8Array, from: number, to: number): number }) =>
    all.every((bytes) => !Number.isNaN(reader.read(bytes, 0, bytes.length)));
  const iso = createIsoReader();
  const offsets: boolean[] = [];
  const hasClocks: boolean[] = [];
  const isIso = all.every((bytes) => {
    const read = iso.read(bytes, 0, bytes.length);
    offsets.push(!Number.isNaN(iso.offsetMs));
    hasClocks.push(iso.hasClock);
    return !Number.isNaN(read);
  });
  if (isIso) {
    return { is: "iso", hasOffset: offsets.every(Boolean), hasClock: clocks !== undefined || hasClocks.some(Boolean) };
  }
  const units = new Set(texts.map((text) => /^\d+(\.\d*)?$/.test(text) ? unitOf(Number(text)) : undefined));
  const [unit] = units;
  if (units.size === 1 && unit !== undefined) return { is: "epoch", unit };
  const formats = FORMATS.filter((format) => readsAll(createFormatReader(format)));
  if (formats.length > 1) return { is: "ambiguous", formats };
  if (formats.length === 0) return { is: "unknown" };
  const [format] = formats;
  const hasClock = clocks !== undefined || /%[HI]/.test(format);
  return { is: "format", format, hasOffset: false, hasClock };
}
