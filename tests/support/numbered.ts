/**
 * Bars that are told apart by a number: what is in the table can be compared with what was sent.
 *
 * @module
 */
import type { Database } from "../../src/database/database.ts";
import { withClient } from "../../src/database/database.ts";
import type { Provider } from "../../src/providers/provider.ts";
import type { Bar } from "../../src/records/bar.ts";
import { frameOf } from "./frames.ts";

const FIRST_MS = Date.UTC(2024, 0, 2, 14, 30);
const SERIES = 7;

/** The bar of that number: a key of its own, and the number for a price. */
export function numberedBar(number: number, receivedAt: number = number, changes: Partial<Bar> = {}): Bar {
  return {
    provider: "numbered",
    symbol: `S${number % SERIES}`,
    timeframe: "1m",
    ts: FIRST_MS + Math.floor(number / SERIES) * 60_000,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: 1,
    status: "final",
    receivedAt,
    ...changes,
  };
}

/** Several bars in a row. */
export function numberedBars(count: number, from = 0): Bar[] {
  return Array.from({ length: count }, (_, at) => numberedBar(from + at));
}

/** Options of {@linkcode numberedProvider}. */
export interface NumberedOptions {
  /** First number. @default {0} */
  from?: number;
  /** How many bars to send. @default {Infinity} */
  count?: number;
  /** @default {100} */
  frameSize?: number;
  /** Ends the source when it aborts; so the bars flow for as long as a test disturbs them. */
  until?: AbortSignal;
  /** Bars for the numbers of a frame. @default {numberedBar} */
  make?: (number: number, receivedAt: number) => Bar;
  name?: string;
}

/** A provider of numbered bars, and how many it has sent. */
export interface NumberedProvider extends Provider {
  readonly sent: number;
}

/** Makes a provider of numbered bars. */
export function numberedProvider(options: NumberedOptions = {}): NumberedProvider {
  const { from = 0, count = Infinity, frameSize = 100, until, make = numberedBar, name = "numbered" } = options;
  let sent = 0;
  return {
    name,
    get sent() {
      return sent;
    },
    open({ clock, stop }) {
      return new ReadableStream({
        async pull(controller) {
          // A macrotask: a source that is never out of breath would keep signals and timers waiting.
          await new Promise((resolve) => setTimeout(resolve, 0));
          const size = Math.min(frameSize, count - sent);
          if (size === 0 || stop.aborted || until?.aborted) return controller.close();
          const receivedAt = clock(size);
          const records = Array.from({ length: size }, (_, at) => make(from + sent + at, receivedAt + at));
          sent += size;
          controller.enqueue(frameOf({ kind: "bar", provider: "numbered", receivedAt, records }));
        },
      }, { highWaterMark: 0 });
    },
  };
}

/** The numbers in the table, in order; each bar is checked to be whole and under its own key. */
export async function storedNumbers(database: Database): Promise<number[]> {
  return await withClient(database, async (client) => {
    const { rows } = await client.query<{ open: number; whole: boolean }>(
      `SELECT open, (open = high AND open = low AND open = close AND symbol = 'S' || open::int % ${SERIES}
        AND ts = to_timestamp(${FIRST_MS / 1000}) + open::int / ${SERIES} * interval '1 minute') AS whole
      FROM bars ORDER BY open`,
    );
    const broken = rows.find(({ whole }) => !whole);
    if (broken !== undefined) throw new Error(`Bar ${broken.open} is not stored as it was sent`);
    return rows.map(({ open }) => open);
  });
}

/** All numbers from `from` on. */
export function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}
