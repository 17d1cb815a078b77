import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openTestCluster } from "../../support/cluster.ts";
import { startPgbouncer } from "../../support/pgbouncer.ts";
import type { TestServer } from "../../support/postgres.ts";
import { addressOf, startBarline } from "../../support/process.ts";
import { makeDirectory } from "../../support/providers.ts";
import { until } from "../../support/until.ts";

const SYMBOLS = ["AAUSDT", "BBUSDT", "CCUSDT", "DDUSDT"];

/** A fixed shard has its instance and a standby; status, page and metrics tell of all. */
export async function fix(server: TestServer): Promise<void> {
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 2, leaseSeconds: 5 });
  await using directory = await makeDirectory();
  const status = async (...args: string[]) => {
    const { code, stdout, stderr } = await startBarline(
      ["cluster", "status", "--database", cluster.database, ...args],
      { cwd: Deno.cwd() },
    ).ended;
    assertEquals(stderr, "");
    return { code, stdout };
  };
  assertEquals(await status(), { code: 1, stdout: 'No instance of the cluster "barline" is there\n' });
  const zero = cluster.start("zero", ["--shard", "0"]);
  await cluster.until({ zero: [0] });
  const half = await status("--json");
  assertEquals([half.code, JSON.parse(half.stdout).unheld], [1, [1]]);

  const free = cluster.start("free", ["--http", "127.0.0.1:0"]);
  const address = await addressOf(free);
  await cluster.until({ zero: [0], free: [1] });
  const spare = cluster.start("spare", ["--shard", "0"]);
  await cluster.until({ zero: [0], free: [1], spare: [] });
  await cluster.streamed();
  await cluster.complete();

  const { code, stdout } = await status("--json");
  const { ok, instances, shards, unheld } = JSON.parse(stdout);
  assertEquals([code, ok, unheld], [0, true, []]);
  assertEquals(
    instances.map(({ instance, state, shards }: Record<string, unknown>) => [instance, state, shards]),
    [["zero", "active", [0]], ["free", "active", [1]], ["spare", "standby", []]],
  );
  assertEquals(shards.map(({ shard, instance }: Record<string, unknown>) => [shard, instance]), [[0, "zero"], [
    1,
    "free",
  ]]);
  for (const { lagSeconds, series } of shards) assert(lagSeconds < 30 && series > 0, stdout);
  const table = await status();
  assertMatch(table.stdout, /cluster barline: 2 shards, all held/);
  assertMatch(table.stdout, /^spare +standby +- /m);

  // It hears of the others with its next beat.
  const overview = async () => (await (await fetch(`${address}/api/overview`)).json()).cluster;
  let seen = await overview();
  await until(async () => (seen = await overview()).instances.length >= 3);
  assertEquals([seen.instance, seen.shards, seen.instances.length, seen.unheld], ["free", 2, 3, []]);
  const metrics = (await (await fetch(`${address}/metrics`)).text()).split("\n");
  for (
    const line of [
      'barline_shards{tenant="default"} 2',
      'barline_shards_held{tenant="default"} 1',
      'barline_shard_held{shard="0",tenant="default"} 0',
      'barline_shard_held{shard="1",tenant="default"} 1',
      'barline_shard_changes_total{change="taken",tenant="default"} 1',
      'barline_shard_changes_total{change="lost",tenant="default"} 0',
      'barline_cluster_instances{tenant="default"} 3',
      'barline_lease_problem{tenant="default"} 0',
      'barline_shards_unheld{tenant="default"} 0',
    ]
  ) assert(metrics.includes(line), line);

  const doctor = async (...args: string[]) => {
    const { code, json } = await startBarline([
      ...["doctor", "--json", "--http", "off", "--data-dir", directory.path],
      ...["--database", cluster.database, ...args],
    ], { cwd: Deno.cwd() }).ended;
    return [code, json.findings.find(({ name }: { name: string }) => name === "leases")?.detail];
  };
  assertEquals(await doctor("--shards", "2"), [0, "cluster barline, 3 instances, all of 2 shards held"]);
  const [unlike, why] = await doctor("--shards", "3");
  assertEquals(unlike, 1);
  assertStringIncludes(why, "3 instances with 2 shards, expected 3");

  zero.kill("SIGKILL");
  await cluster.until({ free: [1], spare: [0] });
  const lost = JSON.parse((await status("--json")).stdout);
  assertEquals(lost.instances.map(({ state }: { state: string }) => state), ["lost", "active", "active"]);
  for (const each of [free, spare]) {
    each.kill("SIGTERM");
    assertEquals((await each.ended).code, 0);
  }
  assertEquals(JSON.parse((await status("--json")).stdout).instances.length, 1);
}

/** An instance that knows of another number of shards is refused. */
export async function refuse(server: TestServer): Promise<void> {
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 2 });
  cluster.start("a");
  await cluster.until({ a: [0, 1] });
  const { code, stderr } = await cluster.start("b", ["--shards", "3"]).ended;
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'Cannot join the cluster "barline" with 3 shards: others of it run with 2');
  // In a cluster of its own it may.
  const other = cluster.start("c", ["--shards", "3", "--cluster", "other"]);
  await other.line(/Shards .*taken/);
  await cluster.until({ a: [0, 1] });
}

/** Through PgBouncer no lease is held, but beside it. */
export async function poolerRefused(server: TestServer): Promise<void> {
  const port = Number(new URL(server.url).port);
  await using directory = await makeDirectory();
  await using pooler = await startPgbouncer(port);
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 1 });
  const url = new URL(cluster.database);
  url.port = String(pooler.port);
  const { code, stderr } = await cluster.start("a", ["--database", url.href]).ended;
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot hold shards through the connection pooler");
  assertStringIncludes(stderr, "--lease-database");
  const { stdout } = await startBarline(
    ["doctor", "--http", "off", "--shards", "1", "--database", url.href],
    { cwd: directory.path },
  ).ended;
  assertMatch(stdout, /^FAIL {2}leases: Cannot hold shards through the connection pooler/m);
  cluster.start("b", ["--database", url.href, "--lease-database", cluster.database]);
  await cluster.until({ b: [0] });
  await cluster.complete();
}
