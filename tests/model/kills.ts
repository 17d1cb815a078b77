/**
 * Kills a process (SIGKILL) again and again while a vendor streams bars of a second and skips some of them, in wall-clock
 * time. In the end the table equals what was traded, or the coverage names each bar that differs.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createRandom } from "../endtoend/random.ts";
import { type BinanceConnection, startFakeBinance } from "../support/fake_binance.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { startPostgres } from "../support/postgres.ts";
import { openWorkspace, type Workspace } from "../support/workspace.ts";

/** How it went. */
export interface KillsReport {
  readonly bars: number;
  /** Bars that differ without being named, in words. */
  readonly silent: readonly string[];
  /** Seconds that the coverage names, whether or not they differ. */
  readonly named: number;
}

const STEP_MS = 1000;
const SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
/** How long the last process has to make up for what was missed. */
const SETTLE_MS = 90_000;
/** History is so far behind. */
const LAG_MS = 2000;

/** A market whose bars are streamed but for some, and that history has a little later. */
function openMarket(seed: number) {
  const random = createRandom(seed);
  const fake = startFakeBinance({ known: SYMBOLS, stepMs: STEP_MS });
  const bars: MarketBar[] = [];
  const open = new Set<BinanceConnection>();
  async function follow(): Promise<never> {
    while (true) {
      const connection = await fake.connection();
      open.add(connection);
      connection.gone.then(() => open.delete(connection));
    }
  }
  follow();
  let next = Math.ceil(Date.now() / STEP_MS) * STEP_MS;
  let skipped = 0;
  const timer = setInterval(() => {
    for (; next + STEP_MS <= Date.now(); next += STEP_MS) {
      if (random.happens(0.05)) skipped = random.whole(1, 4);
      for (const symbol of SYMBOLS) {
        const open_ = random.whole(50, 99);
        const volume = bars.length + 1;
        const bar = { symbol, ts: next, open: open_, high: 100, low: 49, close: open_, volume, trades: 1 };
        bars.push(bar);
        if (skipped === 0) { for (const connection of open) if (connection.isOpen) connection.bars(bar); }
      }
      if (skipped > 0) skipped--;
    }
    const shown = bars.filter(({ ts }) => ts + STEP_MS + LAG_MS <= Date.now());
    fake.history.splice(0, fake.history.length, ...shown);
  }, 50);
  return {
    variables: fake.variables,
    bars,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await fake[Symbol.asyncDispose]();
    },
  };
}

/** Kills that many times. `onLife` hears of each. */
export async function runKills(kills: number, seed = 1, onLife = (_: string) => {}): Promise<KillsReport> {
  await using server = await startPostgres();
  await using workspace = await openWorkspace(server);
  await using market = openMarket(seed);
  const random = createRandom(seed + 1);
  const flags = ["--provider", "binance", "--symbols", SYMBOLS.join(","), "--timeframe", "1s"];
  const start = () => workspace.startIngest(flags, { env: market.variables, endless: true });

  for (let life = 1; life <= kills; life++) {
    const before = life === 1 ? 0 : await workspace.count();
    const running = start();
    running.ended.catch(() => {});
    // However slow the machine is, it is killed while it streams.
    while (life === 1 ? !await hasBars(workspace) : await workspace.count() <= before) await delay(50);
    await delay(random.whole(0, 4000));
    running.kill("SIGKILL");
    await running.ended;
    onLife(`${life} of ${kills}: ${await workspace.count()} bars`);
    await delay(random.whole(0, 2000));
  }
  const last = start();
  const until = Date.now() + SETTLE_MS;
  let report = await compare(workspace, market.bars);
  while (Date.now() < until && (report.silent.length > 0 || report.named > 0)) {
    await delay(2000);
    report = await compare(workspace, market.bars);
  }
  last.kill("SIGTERM");
  await last.ended;
  return report;
}

/** The table is made by the first process. */
async function hasBars(workspace: Workspace): Promise<boolean> {
  return await workspace.count().then((count) => count > 0, () => false);
}

const ROWS = `SELECT symbol, (extract(epoch FROM ts) * 1000)::float8 AS ts, volume FROM bars`;
const DOUBTS = `SELECT k.symbol, (extract(epoch FROM d.starts) * 1000)::float8 AS from,
  (extract(epoch FROM d.ends) * 1000)::float8 AS to FROM series_doubt d JOIN series k ON k.id = d.series_id`;

async function compare(workspace: Workspace, all: readonly MarketBar[]): Promise<KillsReport> {
  // What is young may be on its way.
  const to = Date.now() - 15_000;
  const rows = await workspace.query(ROWS);
  const doubts = await workspace.query(DOUBTS);
  const stored = new Map(rows.map(({ symbol, ts, volume }) => [`${symbol} ${ts}`, volume]));
  const from = Math.min(...rows.map(({ ts }) => ts as number));
  const bars = all.filter(({ ts }) => ts >= from && ts < to);
  const isNamed = ({ symbol, ts }: MarketBar) =>
    doubts.some((each) => each.symbol === symbol && each.from as number <= ts && ts < (each.to as number));
  const silent = bars.filter((bar) => stored.get(`${bar.symbol} ${bar.ts}`) !== bar.volume && !isNamed(bar));
  return {
    bars: bars.length,
    silent: silent.map(({ symbol, ts }) => `${symbol} ${new Date(ts).toISOString()}`),
    named: bars.filter(isNamed).length,
  };
}
