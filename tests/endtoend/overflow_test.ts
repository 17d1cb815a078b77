import { assertEquals, assertMatch } from "@std/assert";
// @ts-types="@types/pg"
import { Client } from "pg";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { addressOf } from "../support/process.ts";
import { useServer } from "../support/server_tests.ts";
import { openWorkspace } from "../support/workspace.ts";
import { compareRows, ROWS } from "./compare.ts";

const MINUTE = 60_000;
const SYMBOLS = Array.from({ length: 10_000 }, (_, at) => `S${at}`);
/** More bars than fit into the buffer of the feed (100,000), the queue, and the batches of four lanes. */
const BLOCKED_MINUTES = 20;

function bars(minute: number, start: number): MarketBar[] {
  return SYMBOLS.map((symbol, at) => {
    const open = 50 + at % 97 + minute;
    const ts = start + minute * MINUTE;
    return { symbol, ts, open, high: open + 2, low: open - 1, close: open + 1, volume: at + minute / 8, trades: 3 };
  });
}

const { test } = useServer();

test("while the database is away for more bars than memory holds, the feed is dropped on purpose and history repairs", async (server) => {
  await using fake = startFakeAlpaca();
  await using workspace = await openWorkspace(server);
  const args = ["--provider", "alpaca", "--symbols", SYMBOLS.join(","), "--journal", "off", "--http", "127.0.0.1:0"];
  const running = workspace.startIngest(args, { env: fake.variables, endless: true });
  const address = await addressOf(running);
  const first = await fake.connection();
  const sent: MarketBar[] = [];
  // Minutes that are long over, so that each may come as soon as the one before has.
  const start = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
  function print(minute: number, connection = first): void {
    const printed = bars(minute, start);
    fake.history.push(...printed);
    sent.push(...printed);
    connection.bars(...printed);
  }
  async function until(done: () => boolean | Promise<boolean>): Promise<void> {
    while (!await done()) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  await until(() => first.symbols.size === SYMBOLS.length);
  print(0);
  await until(async () => await workspace.count() === sent.length);
  const blocker = new Client({ connectionString: workspace.database });
  await blocker.connect();
  await blocker.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
  for (let minute = 1; minute <= BLOCKED_MINUTES; minute++) print(minute);
  await running.line(/lost its connection \(overflow\): the pipeline is too slow/);
  await blocker.end();

  // The buffer is drained first.
  print(BLOCKED_MINUTES + 1, await fake.connection());
  await until(async () => await workspace.count() === sent.length);
  const metrics = await (await fetch(`${address}/metrics`)).text();
  assertMatch(metrics, /barline_provider_reconnects_total\{provider="alpaca",cause="overflow",tenant="default"\} 1\n/);
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals([code, json.deadLettered, json.inFlight], [0, 0, 0]);
  const expected = sent.map((bar) => ({
    symbol: bar.symbol,
    ts: bar.ts,
    values: [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.close, bar.trades],
    statuses: ["final"],
  }));
  assertEquals(compareRows(await workspace.query(ROWS), expected), []);
});
