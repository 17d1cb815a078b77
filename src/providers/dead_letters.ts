/**
 * The provider behind `dlq replay`: records from dead letters.
 *
 * @module
 */
import type { StoredLetter } from "../dead_letters/letter.ts";
import type { LocatedLetter } from "../dead_letters/receipts.ts";
import { createFrame, type Frame, type Rejected } from "../records/frame.ts";
import { recordKind, recordKinds } from "../records/mod.ts";
import { type Columns, createColumns } from "../records/columns.ts";
import { createSeriesDictionary } from "../records/series_dictionary.ts";
import { describeTimeUnit, recordUnit, timeParser } from "../records/time.ts";
import { type PerProvider, valueOf } from "../config/per_provider.ts";
import { DEFAULT_TIMEFRAME } from "../records/timeframe.ts";
import type { Provider } from "./provider.ts";
import { readFields } from "./replay/values.ts";

/** Called when all records of a letter are settled: stored, or dead-lettered again. */
export type LetterSettled = (letter: LocatedLetter) => void;

/** Settings for letters whose own are missing, or made the record unreadable. */
export interface LetterReading {
  readonly timeframe: PerProvider<string>;
  readonly timeUnit: string;
}

/** Reads the items of a letter; those without a time of receipt get `receivedAt` and the microseconds after it. */
export type LetterReader = (
  letter: StoredLetter,
  receivedAt: number,
) => { columns: Columns; rejected: Omit<Rejected, "line">[] };

/** Makes a {@linkcode LetterReader}. */
export function createLetterReader({ timeframe: timeframes, ...reading }: LetterReading): LetterReader {
  const timeUnit = recordUnit(reading.timeUnit);
  const parseIso = timeParser("iso");
  const parseUnit = timeParser(timeUnit);
  // Records that were parsed have ISO times; unparsed lines may have others.
  const parseTime = (value: unknown) => {
    const ms = parseIso(value);
    return Number.isNaN(ms) ? parseUnit(value) : ms;
  };
  const timeFormat = describeTimeUnit(timeUnit);
  return ({ items, metadata }, receivedAt) => {
    const kind = recordKind(metadata.kind);
    const columns = createColumns(kind, items.length, createSeriesDictionary(), true);
    const rejected: Rejected[] = [];
    const values: unknown[] = [];
    for (const [at, item] of items.entries()) {
      const fields = (typeof item === "object" && item !== null ? item : {}) as Record<string, unknown>;
      readFields(fields, kind.fields, values);
      // A record keeps its time of receipt, so that it never replaces a later observation.
      const original = typeof fields.receivedAt === "number" ? fields.receivedAt : receivedAt + at;
      const provider = typeof fields.provider === "string" ? fields.provider : metadata.provider;
      const timeframe = valueOf<string>(timeframes, [provider]) ?? DEFAULT_TIMEFRAME;
      const reason = kind.read(values, columns, original, { provider, timeframe, parseTime, timeFormat });
      if (reason !== undefined) rejected.push({ reason, item });
    }
    return { columns, rejected };
  };
}

/** Whether a letter has records to replay, of a known kind. */
export function isReplayable({ items, metadata }: StoredLetter): boolean {
  return items.length > 0 && Object.hasOwn(recordKinds, metadata.kind);
}

/** Why the records of a letter would be refused without asking the database, one reason each. */
export function findFaults(letter: StoredLetter, read: LetterReader, now: number): string[] {
  const kind = recordKind(letter.metadata.kind);
  const { columns, rejected } = read(letter, now * 1000);
  return [...rejected.map(({ reason }) => reason), ...kind.findUnsound(columns, now).values()];
}

/** Creates a provider of letters. A frame holds one letter, with the letter's file and line as its source. */
export function createLetterProvider(
  letters: () => AsyncIterable<LocatedLetter>,
  read: LetterReader,
  onSettled: LetterSettled,
): Provider {
  let isComplete = false;
  async function* generate(stop: AbortSignal, clock: (count: number) => number): AsyncGenerator<Frame> {
    for await (const located of letters()) {
      if (stop.aborted) return;
      const { letter, line } = located;
      const receivedAt = clock(letter.items.length);
      const { columns, rejected } = read(letter, receivedAt);
      columns.lines!.fill(line);
      yield createFrame({
        kind: letter.metadata.kind,
        provider: letter.metadata.provider,
        receivedAt,
        columns,
        rejected: rejected.map((each) => ({ ...each, line })),
        source: located.path,
        onSettled: () => onSettled(located),
      });
    }
    isComplete = true;
  }

  return {
    name: "dead-letters",
    isComplete: () => isComplete,
    open: ({ stop, clock }) => ReadableStream.from(generate(stop, clock)),
  };
}
