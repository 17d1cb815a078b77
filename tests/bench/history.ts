/**
 * History at length: what a backfill reads into PostgreSQL, and what a reconnect with thousands of symbols costs.
 *
 *     deno run -A tests/bench/history.ts [--binary dist/barline] [--symbols 10000] [--bars 2000000]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, resolve } from "@std/path";
import { KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { startPostgres, type TestServer } from "../support/postgres.ts";
import { addressOf, useBinary } from "../support/process.ts";
import { openWorkspace } from "../support/workspace.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const FROM = Date.UTC(2023, 0, 2);
const SERVE = "--serve";

/** Serves bars of any symbol and range, a page of 10,000 at a time, as fast as can be; prints its port. */
function serve(): void {
  const pages = new Map<string, string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const cached = pages.get(url);
    if (cached !== undefined) return new Response(cached);
    const query = new URL(url).searchParams;
    const symbols = query.get("symbols")!.split(",").toSorted();
    const [start, end] = [Date.parse(query.get("start")!), Date.parse(query.get("end")!)];
    const count = Math.max(0, Math.floor((end - start) / MINUTE) + 1);
    const first = Number(query.get("page_token") ?? 0);
    const last = Math.min(first + Number(query.get("limit")), count * symbols.length);
    const bars: Record<string, unknown[]> = {};
    for (let at = first; at < last; at++) {
      const minute = at % count;
      const o = 100 + minute % 50;
      const t = new Date(start + minute * MINUTE).toISOString().replace(".000", "");
      const bar = { t, o, h: o + 1, l: o - 1, c: o + 0.25, v: 100 + minute % 977, n: 12, vw: o + 0.125 };
      (bars[symbols[Math.floor(at / count)]] ??= []).push(bar);
    }
    const text = JSON.stringify({ bars, next_page_token: last < count * symbols.length ? String(last) : null });
    pages.set(url, text);
    return new Response(text);
  });
  console.log((server.addr as Deno.NetAddr).port);
}

/** Bars a second into fresh tables, the second time with the server's pages ready; `perMinute` requests are allowed. */
async function measureBackfill(server: TestServer, bars: number, perMinute: number, port: string): Promise<string> {
  await using workspace = await openWorkspace(server);
  const symbols = ["AAPL", "MSFT", "NVDA", "SPY"];
  const days = Math.ceil(bars / symbols.length / 1440);
  const { code, json, stderr } = await workspace.run([
    ...["backfill", "--provider", "alpaca", "--symbols", symbols.join(","), "--json"],
    ...["--from", new Date(FROM).toISOString(), "--to", new Date(FROM + days * DAY).toISOString()],
    ...["--database", workspace.database, "--data-dir", workspace.dataDir],
  ], {
    env: {
      ALPACA_API_KEY: KEY,
      ALPACA_SECRET_KEY: SECRET,
      ALPACA_DATA_URL: `http://127.0.0.1:${port}`,
      ALPACA_REQUESTS_PER_MINUTE: String(perMinute),
    },
    endless: true,
  });
  if (code !== 0) throw new Error(stderr);
  return `${json.stored} bars in ${json.seconds.toFixed(1)} s, ${Math.round(json.stored / json.seconds)} bars/s`;
}

/** Loses a connection with so many symbols for three minutes of bars, and tells what it took until none was missing. */
async function measureReconnect(server: TestServer, count: number): Promise<string> {
  const symbols = Array.from({ length: count }, (_, at) => `S${String(at).padStart(5, "0")}`);
  await using fake = startFakeAlpaca();
  await using workspace = await openWorkspace(server);
  const args = ["--provider", "alpaca", "--symbols", symbols.join(","), "--http", "127.0.0.1:0"];
  const running = workspace.startIngest(args, { env: fake.variables, endless: true });
  await addressOf(running);
  const first = await fake.connection();
  while (first.symbols.size < count) await pause(50);
  const start = Math.floor(Date.now() / MINUTE) * MINUTE;
  const print = (minute: number) =>
    symbols.map((symbol, at): MarketBar => {
      const open = 20 + at % 300;
      return {
        symbol,
        ts: start + minute * MINUTE,
        open,
        high: open + 1,
        low: open,
        close: open,
        volume: 9,
        trades: 2,
      };
    });
  first.bars(...print(-4));
  while (await workspace.count() < count) await pause(50);
  fake.history.push(...[-4, -3, -2, -1].flatMap(print));
  const before = fake.requests.length;
  first.close(1012);
  const lost = performance.now();
  const second = await fake.connection();
  while (second.symbols.size < count) await pause(20);
  const subscribed = performance.now();
  while (await workspace.count() < 4 * count) await pause(20);
  const repaired = performance.now();
  running.kill("SIGTERM");
  const { code, stderr } = await running.ended;
  if (code !== 0) throw new Error(stderr);
  const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
  return `${count} symbols subscribed again after ${seconds(lost, subscribed)}, ${3 * count} bars repaired ` +
    `${seconds(subscribed, repaired)} later by ${fake.requests.length - before} requests`;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

if (Deno.args.includes(SERVE)) serve();
else {
  const args = parseArgs(Deno.args, {
    string: ["binary"],
    default: { binary: "dist/barline", symbols: 10_000, bars: 2_000_000 },
  });
  useBinary(resolve(args.binary));
  await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'"]);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fromFileUrl(import.meta.url), SERVE],
    stdout: "piped",
  }).spawn();
  const { value } = await child.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  for (const perMinute of [1e6, 1e6, 200]) {
    const bars = perMinute === 200 ? args.bars / 4 : args.bars;
    console.log(`${perMinute} requests a minute: ${await measureBackfill(server, bars, perMinute, value!.trim())}`);
  }
  child.kill();
  console.log(await measureReconnect(server, args.symbols));
}
