/**
 * The provider behind `dlq replay`: records from dead letters, as they once were.
 *
 * @module
 */
import type { LocatedLetter } from "../dead_letters/directory.ts";
import { createFrame, type Frame, type Rejected } from "../records/frame.ts";
import { recordKind } from "../records/mod.ts";
import type { MarketRecord } from "../records/record.ts";
import { describeTimeUnit, timeParser, type TimeUnit } from "../records/time.ts";
import type { Provider } from "./provider.ts";
import { readFields } from "./replay/ndjson.ts";

/** Told that a letter's records are all settled: stored, or given up once more. */
export type LetterSettled = (letter: LocatedLetter) => void;

/** How to read what a letter does not say of itself: lines that were read with the wrong settings, or none. */
export interface LetterReading {
  readonly timeframe: string;
  readonly timeUnit: TimeUnit;
}

/** Makes a provider of letters. Frames name their letter's file and line as source, one frame a letter. */
export function createLetterProvider(
  letters: () => AsyncIterable<LocatedLetter>,
  { timeframe, timeUnit }: LetterReading,
  onSettled: LetterSettled,
): Provider {
  const parseIso = timeParser("iso");
  const parseUnit = timeParser(timeUnit);
  // Records that were once read have ISO times; lines that were not may have others.
  const parseTime = (value: unknown) => {
    const ms = parseIso(value);
    return Number.isNaN(ms) ? parseUnit(value) : ms;
  };
  const timeFormat = describeTimeUnit(timeUnit);

  async function* generate(stop: AbortSignal, clock: (count: number) => number): AsyncGenerator<Frame> {
    for await (const located of letters()) {
      if (stop.aborted) return;
      const { items, metadata } = located.letter;
      const kind = recordKind(metadata.kind);
      const { line } = located;
      const receivedAt = clock(items.length);
      const records: MarketRecord[] = [];
      const rejected: Rejected[] = [];
      const values: unknown[] = [];
      for (const [at, item] of items.entries()) {
        const fields = (typeof item === "object" && item !== null ? item : {}) as Record<string, unknown>;
        readFields(fields, kind.fields, values);
        // A record keeps its time of receipt, so that it never replaces what was observed after it.
        const original = typeof fields.receivedAt === "number" ? fields.receivedAt : receivedAt + at;
        const provider = typeof fields.provider === "string" ? fields.provider : metadata.provider;
        const record = kind.parse(values, original, { provider, timeframe, parseTime, timeFormat });
        if (typeof record === "string") rejected.push({ reason: record, item, line });
        else records.push(record);
      }
      yield createFrame({
        kind: kind.name,
        provider: metadata.provider,
        receivedAt,
        records,
        rejected,
        source: located.path,
        lines: records.map(() => line),
        onSettled: () => onSettled(located),
      });
    }
  }

  return {
    name: "dead-letters",
    open: ({ stop, clock }) => ReadableStream.from(generate(stop, clock)),
  };
}
