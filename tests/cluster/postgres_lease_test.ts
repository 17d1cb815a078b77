import { assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { type InstanceReport, LeaseLostError, leaseTimes } from "../../src/cluster/lease.ts";
import { createPostgresLeaseStore } from "../../src/cluster/postgres_lease.ts";
import { withClient } from "../../src/database/database.ts";
import { shardOf } from "../../src/records/shard.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

const SHARDS = 2;

/** Times that no test outlasts, so that only what a test does makes a lease end. */
const LONG = leaseTimes(600);

const report = (holdMs: number): InstanceReport => ({
  instance: "a",
  host: "here",
  pid: 1,
  version: "test",
  startedAt: 0,
  shards: SHARDS,
  holdMs,
  isLeaving: false,
  waiting: 0,
});

/** Joins an instance to the cluster `barline`. */
async function join(url: string, times = LONG) {
  const store = createPostgresLeaseStore({ database: databaseAt(url), cluster: "barline", times });
  const id = crypto.randomUUID();
  const lease = await store.join(id, report(times.holdMs), new AbortController().signal);
  return { id, lease, beat: (held: readonly number[]) => lease.heartbeat(report(times.holdMs), held) };
}

test("a role that may read a tenant's rows alone can keep no shard from an instance", async (server) => {
  const { url } = await migratedDatabase(server);
  const role = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
  await server.query(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON bars, series_key TO ${role}`, url);
  const asReader = new URL(url);
  asReader.username = role;
  await withClient(databaseAt(asReader.href), async (reader) => {
    // The locks that leases once were: one a shard, and one for the number of shards.
    const key = shardOf("barline cluster barline", 2 ** 31 - 1);
    for (let shard = 0; shard < SHARDS; shard++) await reader.query("SELECT pg_advisory_lock($1, $2)", [key, shard]);
    await reader.query("SELECT pg_advisory_lock_shared($1, $2)", [key, (1 << 20) + SHARDS + 1]);
    const { id, lease, beat } = await join(url);
    await using _lease = lease;
    assertEquals(await lease.claim([0, 1]), [0, 1]);
    const { members, blocked } = await beat([0, 1]);
    assertEquals(members.map(({ id, held }) => ({ id, held })), [{ id, held: [0, 1] }]);
    assertEquals(blocked.size, 0);
    for (
      const statement of [
        "SELECT 1 FROM cluster_lease FOR SHARE",
        "BEGIN; LOCK TABLE cluster_lease IN ACCESS SHARE MODE",
      ]
    ) {
      await assertRejects(() => reader.query(statement), Error, "permission denied");
      await reader.query("ROLLBACK");
    }
  });
});

test("a lease belongs to one instance until that releases it, ends it, or is silent for too long", async (server) => {
  const { url } = await migratedDatabase(server);
  const a = await join(url);
  const b = await join(url);
  await using _b = b.lease;
  assertEquals(await a.lease.claim([0, 1]), [0, 1]);
  await a.beat([0, 1]);
  assertEquals(await b.lease.claim([0, 1]), []);

  await a.beat([1]);
  await a.lease.release(0);
  assertEquals(await b.lease.claim([0, 1]), [0]);
  await b.beat([0]);

  // As if it had hung for longer than the lease.
  await server.query(
    `UPDATE cluster_lease SET renewed_at = renewed_at - interval '700 s' WHERE holder = '${a.id}';
UPDATE cluster_instance SET seen_at = seen_at - interval '700 s' WHERE id = '${a.id}'`,
    url,
  );
  assertEquals(await b.lease.claim([1]), [1]);
  await b.beat([0, 1]);
  await assertRejects(() => a.beat([1]), LeaseLostError, "the leases of the shards 1 are gone");
  a.lease.cut();
});

test("the lease of a killed process is free after its hold, as its session has ended", async (server) => {
  const { url } = await migratedDatabase(server);
  const a = await join(url);
  const b = await join(url);
  await using _b = b.lease;
  await a.lease.claim([0]);
  await a.beat([0]);
  const [{ backend }] = await server.query(`SELECT backend FROM cluster_lease`, url) as { backend: number }[];
  a.lease.cut();
  while ((await server.query(`SELECT FROM pg_stat_activity WHERE pid = ${backend}`)).length > 0) await delay(20);
  assertEquals(await b.lease.claim([0]), []);
  assertEquals([...(await b.beat([])).blocked], [0]);
  await server.query(
    `UPDATE cluster_lease SET renewed_at = renewed_at - interval '400 s';
UPDATE cluster_instance SET seen_at = seen_at - interval '400 s' WHERE id = '${a.id}'`,
    url,
  );
  assertEquals(await b.lease.claim([0]), [0]);
});
