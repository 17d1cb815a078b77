/**
 * The bars of the proof: numbered, so that every one of them can be looked for, and some of them corrected later.
 *
 * @module
 */
// @ts-types="@types/pg"
import { Client } from "pg";

const FIRST_MS = Date.UTC(2010, 0, 4);
const SYMBOLS = 50;
/** One bar of so many is corrected, that many lines after it. */
const CORRECTED = 10;
const LATER = 500;

const symbolOf = (edge: number, number: number) => `E${edge}-${number % SYMBOLS}`;
const isCorrected = (number: number) => number % CORRECTED === 0;

/** Writes the bars of an edge as CSV, and gives how many lines they take. */
export async function writeBars(path: string, edge: number, count: number): Promise<number> {
  using file = await Deno.open(path, { create: true, write: true, truncate: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  let text = "symbol,ts,open,high,low,close,volume,status\n";
  let lines = 0;
  const put = (number: number, volume: number, status: string) => {
    const time = new Date(FIRST_MS + Math.floor(number / SYMBOLS) * 60_000).toISOString();
    text += `${symbolOf(edge, number)},${time},${number},${number},${number},${number},${volume},${status}\n`;
    lines++;
  };
  for (let number = 0; number < count + LATER; number++) {
    if (number < count) put(number, 1, "final");
    const earlier = number - LATER;
    if (earlier >= 0 && isCorrected(earlier)) put(earlier, 2, "correction");
    if (text.length < 1_000_000) continue;
    await writer.write(encoder.encode(text));
    text = "";
  }
  await writer.write(encoder.encode(text));
  await writer.close();
  return lines;
}

/** What a table has of the bars of an edge. */
export interface Found {
  readonly whole: number;
  readonly missing: number;
  /** Bars that are not as they were sent last: the first few. */
  readonly wrong: readonly string[];
}

/** Counts the bars that are stored; 0 while the database cannot tell. */
export async function countBars(database: string): Promise<number> {
  const client = new Client({ connectionString: database, connectionTimeoutMillis: 5000, query_timeout: 5000 });
  // A server that ends in the middle breaks the connection beside the query.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query("SELECT count(*)::int AS bars FROM bar");
    return rows[0].bars;
  } catch {
    return 0;
  } finally {
    await client.end().catch(() => {});
  }
}

const PAGE = 20_000;

/** Looks for each bar of an edge, in the state of its last observation. */
export async function findBars(database: string, edge: number, count: number): Promise<Found> {
  const client = new Client({ connectionString: database });
  await client.connect();
  const seen = new Uint8Array(count);
  const wrong: string[] = [];
  let whole = 0;
  try {
    await client.query("BEGIN");
    await client.query(
      `DECLARE found CURSOR FOR SELECT symbol, (extract(epoch FROM ts) * 1000)::float8 AS ts, open, high, low, close, volume,
        status FROM bars WHERE symbol LIKE 'E${edge}-%'`,
    );
    while (true) {
      const { rows } = await client.query(`FETCH ${PAGE} FROM found`);
      if (rows.length === 0) break;
      for (const row of rows) {
        const number = row.open;
        const expected = [
          symbolOf(edge, number),
          FIRST_MS + Math.floor(number / SYMBOLS) * 60_000,
          ...[number, number, number, isCorrected(number) ? 2 : 1],
          isCorrected(number) ? "c" : "f",
        ];
        const { symbol, ts, high, low, close, volume, status } = row;
        const found = [symbol, ts, high, low, close, volume, status.slice(0, 1)];
        const isWhole = Number.isInteger(number) && number >= 0 && number < count && seen[number] === 0 &&
          found.every((value, at) => value === expected[at]);
        if (isWhole) {
          seen[number] = 1;
          whole++;
        } else if (wrong.length < 5) wrong.push(`${JSON.stringify(found)}, was sent as ${JSON.stringify(expected)}`);
      }
    }
  } finally {
    await client.end();
  }
  return { whole, missing: count - whole, wrong };
}
