/**
 * The top of the minute: bars of thousands of symbols within the same moment, from their sending to their commit.
 *
 *     deno run -A tests/bench/burst.ts [--binary dist/barline] [--symbols 10000] [--bursts 30]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "@std/path";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { startPostgres, type TestServer } from "../support/postgres.ts";
import { useBinary } from "../support/process.ts";
import { openWorkspace } from "../support/workspace.ts";

/** What to measure. */
export interface BurstOptions {
  provider: "alpaca" | "massive";
  server: TestServer;
  symbols: number;
  bursts: number;
}

/** One burst: how long it took, and the memory of the process after it. */
export interface Burst {
  /** Milliseconds from the first message until the last bar was seen in the table. */
  readonly ms: number;
  readonly rssMb: number;
}

/** Bars of one message: what providers put together varies. */
const BARS_A_MESSAGE = 100;
const MINUTE = 60_000;

/** Milliseconds until all symbols were subscribed, and the bursts, one each few seconds, as they come. */
export async function* measureBursts(options: BurstOptions): AsyncGenerator<Burst, void> {
  const { provider, server } = options;
  const symbols = Array.from({ length: options.symbols }, (_, at) => `S${String(at).padStart(5, "0")}`);
  await using fake = provider === "alpaca" ? startFakeAlpaca() : startFakeMassive({ known: symbols });
  await using workspace = await openWorkspace(server);
  const running = workspace.startIngest(["--provider", provider, "--symbols", symbols.join(",")], {
    env: fake.variables,
    endless: true,
  });
  running.ended.then(({ code, stderr }) => {
    if (code !== 0) console.error(stderr);
  });
  const connection = await fake.connection();
  const held = () => "symbols" in connection ? connection.symbols : connection.topics;
  while (held().size < symbols.length) await pause(50);
  // Bars of minutes that were over before the subscription would each be compared with history, which has none of them.
  const first = Math.floor(Date.now() / MINUTE) * MINUTE + MINUTE;
  for (let burst = 0; burst < options.bursts; burst++) {
    const bars = symbols.map((symbol, at) => makeBar(symbol, first + burst * MINUTE, at));
    const started = performance.now();
    for (let at = 0; at < bars.length; at += BARS_A_MESSAGE) connection.bars(...bars.slice(at, at + BARS_A_MESSAGE));
    while (await workspace.count() < (burst + 1) * symbols.length) await pause(20);
    const ms = performance.now() - started;
    // Time for garbage to be found.
    await pause(1000);
    yield { ms, rssMb: residentMb(running.pid) };
  }
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  if (code !== 0) throw new Error(`The process ended with code ${code}: ${JSON.stringify(json)}`);
}

function makeBar(symbol: string, ts: number, at: number): MarketBar {
  const open = 20 + at % 300;
  return { symbol, ts, open, high: open + 1, low: open - 1, close: open + 0.5, volume: 1000 + at, trades: 12 };
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1000;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["binary"],
    default: { binary: "dist/barline", symbols: 10_000, bursts: 30 },
  });
  useBinary(resolve(args.binary));
  await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'"]);
  for (const provider of ["alpaca", "massive"] as const) {
    console.log(`${provider}: ${args.symbols} bars at once, ms until all are in the table, and MB after that`);
    const bursts: Burst[] = [];
    for await (const burst of measureBursts({ provider, server, symbols: args.symbols, bursts: args.bursts })) {
      bursts.push(burst);
      console.log(`${bursts.length}\t${burst.ms.toFixed(0)} ms\t${burst.rssMb.toFixed(0)} MB`);
    }
    const sorted = bursts.map(({ ms }) => ms).sort((a, b) => a - b);
    console.log(`median ${sorted[sorted.length >> 1].toFixed(0)} ms, worst ${sorted.at(-1)!.toFixed(0)} ms`);
  }
}
