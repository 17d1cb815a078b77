import { assert, assertEquals } from "@std/assert";
// @ts-types="@types/pg"
import { Client } from "pg";
import { type BinanceConnection, startFakeBinance } from "../support/fake_binance.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { useServer } from "../support/server_tests.ts";
import { openWorkspace, type Workspace } from "../support/workspace.ts";

const { test } = useServer();
const STEP_MS = 1000;
const SYMBOL = "BTCUSDT";

/** Streams a bar of each second to whoever is connected. */
function startMarket() {
  const fake = startFakeBinance({ known: [SYMBOL], stepMs: STEP_MS });
  const sent: MarketBar[] = [];
  const listeners = new Set<() => void>();
  let connection: BinanceConnection | undefined;
  fake.connection().then((opened) => void (connection = opened));
  let next = Math.ceil(Date.now() / STEP_MS) * STEP_MS;
  const timer = setInterval(() => {
    for (; next + STEP_MS <= Date.now(); next += STEP_MS) {
      if (connection?.isOpen !== true) continue;
      const bar = { symbol: SYMBOL, ts: next, open: 2, high: 4, low: 1, close: 3, volume: sent.length + 1, trades: 1 };
      sent.push(bar);
      connection.bars(bar);
      for (const listen of listeners) listen();
    }
  }, 50);
  return {
    variables: fake.variables,
    sent,
    /** Resolves after so many more bars. */
    async more(count: number) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const target = sent.length + count;
      const listen = () => void (sent.length >= target && resolve());
      listeners.add(listen);
      await promise;
      listeners.delete(listen);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await fake[Symbol.asyncDispose]();
    },
  };
}

/** Keeps everybody from the bars, but not from the coverage. */
async function lockBars({ database }: Workspace): Promise<AsyncDisposable> {
  const client = new Client({ connectionString: database });
  await client.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
  return { [Symbol.asyncDispose]: () => client.end() };
}

const FLAGS = [
  ...["--provider", "binance", "--symbols", SYMBOL, "--timeframe", "1s"],
  ...["--write-timeout-ms", "1000", "--retry-attempts", "1", "--circuit-failures", "1", "--circuit-open-ms", "300"],
];

/** Streams into the workspace; when some bars are stored, nobody can write bars, and some lie in the journal. */
async function startLocked(
  workspace: Workspace,
  market: ReturnType<typeof startMarket>,
  flags: readonly string[] = [],
) {
  const running = workspace.startIngest([...FLAGS, ...flags], { env: market.variables });
  await running.line(/binance is live/);
  await market.more(5);
  const lock = await lockBars(workspace);
  await running.line(/The bar circuit is open/);
  await market.more(3);
  return { running, lock };
}

/** Starts of the bars that were sent: in the table, and in ranges that are confirmed. */
async function compare(workspace: Workspace, sent: readonly MarketBar[]) {
  const ms = (time: string) => `(extract(epoch FROM ${time}) * 1000)::float8`;
  const rows = await workspace.query(`SELECT ${ms("ts")} AS ts FROM bars`);
  const ranges = await workspace.query(
    `SELECT ${ms("lower(part)")} AS "from", ${ms("upper(part)")} AS "to"
     FROM series_coverage c, unnest(c.confirmed) AS part`,
  ) as { from: number; to: number }[];
  const stored = new Set(rows.map(({ ts }) => ts as number));
  return {
    stored: sent.filter(({ ts }) => stored.has(ts)).length,
    confirmed: sent.filter(({ ts }) => ranges.some(({ from, to }) => ts >= from && ts < to)).length,
    claimed: sent.filter(({ ts }) => !stored.has(ts) && ranges.some(({ from, to }) => ts >= from && ts < to)).length,
  };
}

test("the coverage confirms no bar that is in the journal alone, even if the journal is lost", async (server) => {
  await using workspace = await openWorkspace(server);
  await using market = startMarket();
  const { running, lock } = await startLocked(workspace, market, ["--drain-timeout", "0.5"]);
  running.kill("SIGTERM");
  const { json, stderr } = await running.ended;
  assert(json.journaled > 0, "nothing was in the journal");
  await lock[Symbol.asyncDispose]();
  // The disk of the edge is replaced.
  await Deno.remove(workspace.dataDir, { recursive: true });
  const { stored, confirmed, claimed } = await compare(workspace, market.sent);
  assert(
    stored > 0 && stored < market.sent.length && confirmed > 0,
    `${stored} stored, ${confirmed} confirmed: ${stderr}`,
  );
  assertEquals(claimed, 0);
});

test("journaled bars are confirmed once they are in the database", async (server) => {
  await using workspace = await openWorkspace(server);
  await using market = startMarket();
  const { running, lock } = await startLocked(workspace, market);
  await lock[Symbol.asyncDispose]();
  await running.line(/The bar circuit is closed/);
  await market.more(2);
  running.kill("SIGTERM");
  const { json } = await running.ended;
  assertEquals(json.journaled, 0);
  const { stored, claimed } = await compare(workspace, market.sent);
  assert(stored >= 8, `${stored} stored`);
  assertEquals(claimed, 0);
  const doubts = await workspace.query("SELECT reason FROM series_doubt WHERE reason = 'journaled'");
  assertEquals(doubts, []);
});
