/**
 * The bench of the store: plain table, hypertable and compressed chunks, with few and many series, small and large, and what
 * readers wait for.
 *
 *     deno run -A tests/bench/timescale.ts [tables] [sparse] [series] [growth] [chart] [--rows 100000] [--rounds 3]
 *       [--on plain|timescale] [--sizes 1,10,30]
 *
 * Rows per second of one lane, batches of 5,000, the median of the rounds. Plain tables lie on the machine's PostgreSQL and,
 * to compare like with like, where the hypertable does; see `stores.ts`.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { startPostgres } from "../support/postgres.ts";
import { databaseAt } from "../support/server_tests.ts";
import { startTimescale, type TimescaleServer } from "../support/timescale.ts";
import {
  addSeries,
  compressBefore,
  execute,
  fill,
  makeBars,
  median,
  openStore,
  queryMs,
  type Store,
  writeRate,
} from "./stores.ts";

const args = parseArgs(Deno.args, { string: ["rows", "rounds", "sizes", "on"] });
const rows = Number(args.rows ?? 100_000);
const rounds = Number(args.rounds ?? 3);
const sizes = String(args.sizes ?? "1,10,30").split(",").map((millions) => Number(millions) * 1e6);
const wanted = args._.length > 0 ? args._.map(String) : ["tables", "sparse", "series", "growth", "chart"];

const DAY = 1440;
const WEEK = 7 * DAY;
const SERIES = 500;

const directory = await Deno.makeTempDir({ prefix: "barline-bench-" });
const timescaleName = Deno.env.has("TEST_TIMESCALE_URL") ? "TimescaleDB" : "PGlite";
await using postgres = await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"]);
const native: TimescaleServer = {
  open: async () => databaseAt(await postgres.createDatabase()),
  async [Symbol.asyncDispose]() {},
};

/** Measures on plain tables, and then with TimescaleDB, each on a server that begins empty. */
async function onBoth(measure: (server: TimescaleServer, name: string, isTimescale: boolean) => Promise<void>) {
  if (args.on !== "timescale") await measure(native, "PostgreSQL, plain", false);
  if (args.on === "plain") return;
  await using server = await startTimescale(`${directory}/${crypto.randomUUID()}`);
  await measure(server, `${timescaleName}, hypertable`, true);
}

function print(name: string, value: number, unit = "rows/s"): void {
  const shown = unit === "rows/s" ? Math.round(value).toLocaleString("en-US") : value.toFixed(unit === "ms" ? 1 : 2);
  console.log(`| ${name.padEnd(58)} | ${shown.padStart(10)} ${unit.padEnd(6)} |`);
}

/** The median of what a round gives for each of its names. */
async function inRounds(
  round: (add: (name: string, rate: number) => void, at: number) => Promise<void>,
): Promise<void> {
  const found = new Map<string, number[]>();
  for (let at = 0; at < rounds; at++) {
    await round((name, rate) => found.set(name, [...found.get(name) ?? [], rate]), at);
  }
  for (const [name, rates] of found) print(name, median(rates));
}

async function printMs(name: string, store: Store, sql: string, times = 5): Promise<void> {
  const taken = await queryMs(store, sql, times);
  print(name, taken.median, "ms");
  print(`${name}, best`, taken.best, "ms");
}

/** Appends, writes again and changes rows of the table, and the same in chunks that are compressed. */
async function measureTables(): Promise<void> {
  const minutes = Math.ceil(rows / SERIES);
  await onBoth(async (server, name, isTimescale) => {
    const store = await openStore(server, isTimescale);
    await addSeries(store, SERIES);
    await inRounds(async (add, at) => {
      // A week for each round.
      const from = at * WEEK + 10;
      const to = from + minutes;
      add(`${name}: append`, await writeRate(store, makeBars(SERIES, from, to)));
      add(`${name}: again, unchanged`, await writeRate(store, makeBars(SERIES, from, to)));
      add(`${name}: changed`, await writeRate(store, makeBars(SERIES, from, to, 2)));
      if (!isTimescale) return;
      const compress = () => compressBefore(store, (at + 1) * WEEK);
      await compress();
      add(`${name}, compressed: append`, await writeRate(store, makeBars(SERIES, to + DAY, to + DAY + minutes)));
      await compress();
      add(`${name}, compressed: again, unchanged`, await writeRate(store, makeBars(SERIES, from, to, 2)));
      await compress();
      add(`${name}, compressed: changed`, await writeRate(store, makeBars(SERIES, from, to, 3)));
    });
    // What PGlite costs, so that like can be compared with like.
    if (!isTimescale) return;
    const plain = await openStore(server, false);
    await addSeries(plain, SERIES);
    await inRounds(async (add, at) => {
      const [from, to] = [at * WEEK + 10, at * WEEK + 10 + minutes];
      add(`${timescaleName}, plain: append`, await writeRate(plain, makeBars(SERIES, from, to)));
      add(`${timescaleName}, plain: again, unchanged`, await writeRate(plain, makeBars(SERIES, from, to)));
      add(`${timescaleName}, plain: changed`, await writeRate(plain, makeBars(SERIES, from, to, 2)));
    });
  });
}

/** Changes one row in each series, as a late correction of a minute does: in compressed chunks, a segment each. */
async function measureSparse(): Promise<void> {
  await onBoth(async (server, name, isTimescale) => {
    const store = await openStore(server, isTimescale);
    await addSeries(store, SERIES);
    await fill(store, SERIES, 0, 2000);
    await inRounds(async (add, at) => {
      const change = (minute: number) => writeRate(store, makeBars(SERIES, minute, minute + 1, at + 2));
      add(`${name}: changed, a row in each of ${SERIES} series`, await change(500 + at));
      if (!isTimescale) return;
      await compressBefore(store, WEEK);
      add(`${name}, compressed: a row in each of ${SERIES} series`, await change(1500 + at));
    });
  });
}

/** Appends to few and many series. */
async function measureSeries(): Promise<void> {
  await onBoth(async (server, name, isTimescale) => {
    const counts = [500, 5000, 50_000];
    const stores: Store[] = [];
    for (const series of counts) {
      const store = await openStore(server, isTimescale);
      await addSeries(store, series);
      stores.push(store);
    }
    await inRounds(async (add, at) => {
      for (const [place, series] of counts.entries()) {
        const minutes = Math.ceil(rows / series);
        const from = 10 + at * minutes;
        const rate = await writeRate(stores[place], makeBars(series, from, from + minutes));
        add(`${name}, ${series.toLocaleString("en-US")} series: append`, rate);
      }
    });
  });
}

/** Appends to small and large tables, in turn. What is older than 30 days is compressed, as by default. */
async function measureGrowth(): Promise<void> {
  const minutes = Math.ceil(rows / SERIES);
  await onBoth(async (server, name, isTimescale) => {
    const stores: Store[] = [];
    for (const size of sizes) {
      const store = await openStore(server, isTimescale);
      await addSeries(store, SERIES);
      await fill(store, SERIES, 0, size / SERIES);
      await compressBefore(store, size / SERIES - 30 * DAY);
      stores.push(store);
      console.error(`${name}: ${size / 1e6} M rows are there`);
    }
    const found = sizes.map((): number[] => []);
    for (let at = 0; at < rounds; at++) {
      for (const [place, size] of sizes.entries()) {
        const from = size / SERIES + at * minutes;
        found[place].push(await writeRate(stores[place], makeBars(SERIES, from, from + minutes)));
      }
    }
    for (const [place, size] of sizes.entries()) print(`${name}, ${size / 1e6} M rows: append`, median(found[place]));
    const costs = found.at(-1)!.map((rate, at) => found[0][at] / rate);
    print(`${name}: cost of a row at ${sizes.at(-1)! / 1e6} M / ${sizes[0] / 1e6} M`, median(costs), "times");
    await measureReaders(stores.at(-1)!, name);
  });
}

/** What the views over all series take, in a table that is large. */
async function measureReaders(store: Store, name: string): Promise<void> {
  if (store.isTimescale) await execute(store, "CALL refresh_continuous_aggregate('series_day', NULL, NULL)");
  await printMs(`${name}: first and last of ${SERIES} series`, store, "SELECT symbol, first_ts, last_ts FROM series");
  await printMs(`${name}: counts of ${SERIES} series`, store, "SELECT symbol, bars FROM series");
  await printMs(`${name}: latest_bars`, store, "SELECT * FROM latest_bars");
  await printMs(`${name}: data_freshness`, store, "SELECT * FROM data_freshness");
  await printMs(`${name}: as-of join of 100 times`, store, AS_OF);
}

const AS_OF = `SELECT mine.at, bar.close FROM generate_series(1, 100) AS n
CROSS JOIN LATERAL (SELECT 'S' || n AS symbol, TIMESTAMPTZ '2024-01-05 12:00:30Z' AS at) mine
JOIN series s ON s.provider = 'mock' AND s.symbol = mine.symbol AND s.timeframe = '1m'
CROSS JOIN LATERAL (SELECT ts, close FROM bars
  WHERE series_id = s.id AND ts <= mine.at - INTERVAL '1 minute' ORDER BY ts DESC LIMIT 1) bar`;

/** A chart of daily candles of one symbol over a year, of ten symbols that trade day and night. */
async function measureChart(): Promise<void> {
  const days = 366;
  await onBoth(async (server, name, isTimescale) => {
    const store = await openStore(server, isTimescale);
    await addSeries(store, 10);
    await fill(store, 10, 0, days * DAY);
    await compressBefore(store, (days - 30) * DAY);
    if (isTimescale) await execute(store, "CALL refresh_continuous_aggregate('bar_1d', NULL, NULL)");
    const candles = (await execute(store, CHART)).length;
    if (candles !== days) throw new Error(`Cannot trust the chart: it has ${candles} candles, expected ${days}`);
    await printMs(`${name}: a year's daily candles of one symbol`, store, CHART, 101);
  });
}

const CHART = `SELECT ts, open, high, low, close, volume FROM bars_1d
WHERE provider = 'mock' AND symbol = 'S7' AND ts >= '2024-01-04Z' ORDER BY ts`;

const parts: Record<string, () => Promise<void>> = {
  tables: measureTables,
  sparse: measureSparse,
  series: measureSeries,
  growth: measureGrowth,
  chart: measureChart,
};
try {
  for (const name of wanted) {
    const part = parts[name];
    if (part === undefined) {
      throw new RangeError(`Cannot measure "${name}": known are ${Object.keys(parts).join(", ")}`);
    }
    await part();
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
