/**
 * Bars with a number each, so that a table can be compared with the bars sent.
 *
 * @module
 */
import type { Provider } from "../providers/provider.ts";
import { type Bar, bar } from "../records/bar.ts";
import { columnsOf } from "../records/build.ts";
import { createFrame } from "../records/frame.ts";
import { createSeriesDictionary } from "../records/series_dictionary.ts";
import type { Scratch } from "./scratch.ts";

const NAME = "chaos";
const FIRST_MS = Date.UTC(2024, 0, 2, 14, 30);
const SERIES = 7;
const FRAME = 100;

function numberedBar(number: number, receivedAt: number): Bar {
  return {
    provider: NAME,
    symbol: `C${number % SERIES}`,
    timeframe: "1m",
    ts: FIRST_MS + Math.floor(number / SERIES) * 60_000,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number % 1000,
    status: "final",
    receivedAt,
  };
}

/** Makes a provider of the bars 0, 1, 2, …, which ends when `isDone` says so. */
export function createNumbered(rate: number, isDone: (sent: number) => boolean): Provider {
  return {
    name: NAME,
    rate,
    open({ clock, pace, stop }) {
      let sent = 0;
      const series = createSeriesDictionary();
      return new ReadableStream({
        async pull(controller) {
          await pace(FRAME);
          if (stop.aborted || isDone(sent)) return controller.close();
          const receivedAt = clock(FRAME);
          const records = Array.from({ length: FRAME }, (_, at) => numberedBar(sent + at, receivedAt + at));
          sent += FRAME;
          const built = columnsOf(bar, records, series);
          controller.enqueue(createFrame({ kind: "bar", provider: NAME, receivedAt, ...built }));
        },
      }, { highWaterMark: 0 });
    },
  };
}

/** The sent numbers that a table has. */
export interface TableFindings {
  readonly rows: number;
  /** Rows that are not as they were sent, or were never sent. */
  readonly wrong: number;
  /** Numbers that are neither in the table nor among the letters. */
  readonly missing: number;
  /** Numbers that are in both. */
  readonly twice: number;
}

/** Compares the table with the numbers from 0 to `sent`; `dead` of them were dead-lettered. */
export async function compareTable(scratch: Scratch, sent: number, dead: readonly number[]): Promise<TableFindings> {
  const [found] = await scratch.query(
    `WITH stored AS (
      SELECT open, (open = high AND open = low AND open = close AND volume = open::int % 1000 AND open < $1
        AND provider = '${NAME}' AND symbol = 'C' || open::int % ${SERIES}
        AND ts = to_timestamp(${FIRST_MS / 1000}) + open::int / ${SERIES} * interval '1 minute') AS whole
      FROM ${scratch.names.of("bars")}
    ), letters AS (SELECT unnest($2::float8[]) AS open)
    SELECT (SELECT count(*) FROM stored)::int AS rows,
      (SELECT count(*) FROM stored WHERE NOT whole)::int AS wrong,
      (SELECT count(*) FROM generate_series(0, $1::int - 1) AS number
        WHERE number NOT IN (SELECT open FROM stored) AND number NOT IN (SELECT open FROM letters))::int AS missing,
      (SELECT count(*) FROM letters WHERE open IN (SELECT open FROM stored))::int AS twice`,
    [sent, dead],
  );
  return found as unknown as TableFindings;
}
