import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openTestCluster, TAKE_OVER_MS } from "../../support/cluster.ts";
import { startNats } from "../../support/nats.ts";
import type { TestServer } from "../../support/postgres.ts";
import { startBarline } from "../../support/process.ts";
import { makeDirectory } from "../../support/providers.ts";

const SYMBOLS = ["AAUSDT", "BBUSDT", "CCUSDT", "DDUSDT"];
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Edges without a database share out shards by leases in NATS, and a hub has every bar. */
export async function shareInNats(server: TestServer): Promise<void> {
  await using nats = await startNats();
  await using directory = await makeDirectory();
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 4, nats });
  const { market } = cluster;
  const a = cluster.start("a");
  await cluster.until({ a: [0, 1, 2, 3] });
  await cluster.streamed();
  const hub = startBarline([
    ...["ingest", "--json", "--provider", "nats", "--nats-url", nats.url, "--database", cluster.database],
    ...["--http", "off", "--data-dir", directory.path],
  ], { cwd: Deno.cwd() });
  const b = cluster.start("b");
  await cluster.until({ a: 2, b: 2 });
  await cluster.streamed();
  const status = await startBarline(
    ["cluster", "status", "--sink", "nats", "--nats-url", nats.url, "--json"],
    { cwd: Deno.cwd() },
  ).ended;
  assertEquals([status.code, status.json.ok, status.json.instances.length], [0, true, 2], status.stderr);

  a.kill("SIGKILL");
  const killed = performance.now();
  await cluster.until({ b: [0, 1, 2, 3] });
  await cluster.streamed();
  const took = performance.now() - killed;
  assert(took < TAKE_OVER_MS);
  const c = cluster.start("c");
  await cluster.until({ b: 2, c: 2 });
  await cluster.streamed();

  // What is held is held on over a restart that is short, and given up in time where it is longer.
  await nats.stop("SIGKILL");
  await nats.start();
  await cluster.until({ b: 2, c: 2 });
  await nats.stop("SIGKILL");
  while (SYMBOLS.some((symbol) => market.streams(symbol) > 0)) await new Promise((done) => setTimeout(done, 20));
  await nats.start();
  await cluster.streamed();

  b.kill("SIGTERM");
  const left = await b.ended;
  assertEquals([left.code, left.json.inFlight, left.json.deadLettered], [0, 0, 0], left.stderr);
  await cluster.until({ c: [0, 1, 2, 3] });
  await cluster.streamed();
  const rows = await cluster.complete();
  const overlap = market.longestOverlap();
  console.log(`leases in NATS: kill -9 taken over after ${seconds(took)}; overlap ${overlap} ms; ${rows} bars`);
  assertEquals(overlap, 0);
  for (const each of [c, hub]) {
    each.kill("SIGTERM");
    assertEquals((await each.ended).code, 0);
  }
}

/** Leases of another length, and another number of shards, are refused in NATS too. */
export async function refuseInNats(server: TestServer): Promise<void> {
  await using nats = await startNats();
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 2, nats });
  cluster.start("a");
  await cluster.until({ a: [0, 1] });
  const more = await cluster.start("b", ["--shards", "3"]).ended;
  assertStringIncludes(more.stderr, 'Cannot join the cluster "barline" with 3 shards: others of it run with 2');
  const longer = await cluster.start("c", ["--lease-seconds", "9"]).ended;
  assertStringIncludes(longer.stderr, "with leases of 9 s: those of its bucket barline_barline are of 3 s");
  assertEquals([more.code, longer.code], [1, 1]);
}
