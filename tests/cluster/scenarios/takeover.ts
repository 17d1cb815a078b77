import { assert, assertEquals } from "@std/assert";
import { openTestCluster, TAKE_OVER_MS } from "../../support/cluster.ts";
import type { Running } from "../../support/process.ts";
import type { TestServer } from "../../support/postgres.ts";

const SYMBOLS = ["ADA", "BNB", "BTC", "DOT", "ETH", "II", "LTC", "SOL", "TRX", "XRP"].map((coin) => `${coin}USDT`);

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Ends an instance by a signal and gives its summary. */
async function stop(running: Running) {
  running.kill("SIGTERM");
  const { code, json, stderr } = await running.ended;
  assertEquals([code, json.deadLettered, json.inFlight, json.journaled], [0, 0, 0, 0], stderr);
  return json;
}

/** Instances share out shards as they come, are killed and go, and no bar is missing. */
export async function takeOver(server: TestServer): Promise<void> {
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 6 });
  const { market } = cluster;
  const a = cluster.start("a");
  await cluster.until({ a: [0, 1, 2, 3, 4, 5] });
  await cluster.streamed();
  const b = cluster.start("b");
  const c = cluster.start("c");
  const joined = performance.now();
  await cluster.until({ a: 2, b: 2, c: 2 });
  await cluster.streamed();
  console.log(`joined: 2 of 3 instances have their share after ${seconds(performance.now() - joined)}`);

  const killed = performance.now();
  b.kill("SIGKILL");
  await b.ended;
  await cluster.until({ a: 3, c: 3 });
  await cluster.streamed();
  const took = performance.now() - killed;
  console.log(`kill -9: all is streamed again after ${seconds(took)}`);
  assert(took < TAKE_OVER_MS);

  const left = performance.now();
  const { received } = await stop(c);
  await cluster.until({ a: 6 });
  await cluster.streamed();
  const tookOver = performance.now() - left;
  console.log(`SIGTERM: all is streamed again after ${seconds(tookOver)}`);
  assert(tookOver < TAKE_OVER_MS && received > 0);

  const rows = await cluster.complete();
  const { stored } = await stop(a);
  assert(stored > 0);
  const overlap = market.longestOverlap();
  console.log(`${rows} bars, none is missing; two streamed a symbol at once for ${overlap.toFixed(0)} ms at most`);
  assertEquals(overlap, 0);
}
