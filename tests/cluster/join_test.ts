import { assertRejects, assertStrictEquals } from "@std/assert";
import { type LeaseStore, leaseTimes } from "../../src/cluster/lease.ts";
import { createNatsLeaseStore } from "../../src/cluster/nats_lease.ts";
import { createPostgresLeaseStore } from "../../src/cluster/postgres_lease.ts";
import { openNats } from "../../src/nats/connection.ts";
import { natsSettings } from "../support/nats.ts";
import { databaseAt } from "../support/server_tests.ts";

/** Times that no test outlasts, so that only the stop ends the wait. */
const times = leaseTimes(600);

const report = {
  ...{ instance: "a", host: "here", pid: 1, version: "test", startedAt: 0, shards: 2 },
  ...{ holdMs: times.holdMs, isLeaving: false, waiting: 0 },
};

/** Joins through a server that accepts the connection and says nothing, and stops once it has accepted. */
async function stopWhileJoining(open: (port: number) => LeaseStore): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const reason = new Error("stopped");
  const joining = open(listener.addr.port).join("a", report, stop.signal);
  const rejected = assertRejects(() => joining);
  using _mute = await listener.accept();
  stop.abort(reason);
  assertStrictEquals(await rejected, reason);
}

Deno.test("a stop ends the wait for a database that accepts an instance and never answers it", async () => {
  await stopWhileJoining((port) => {
    const database = databaseAt(`postgres://a@127.0.0.1:${port}/a`);
    return createPostgresLeaseStore({ database, cluster: "barline", times });
  });
});

Deno.test("a stop ends the wait for a NATS server that accepts an instance and never greets it", async () => {
  const opened: AsyncDisposable[] = [];
  await stopWhileJoining((port) => {
    const nats = openNats(natsSettings(`nats://127.0.0.1:${port}`), "test");
    opened.push(nats);
    return createNatsLeaseStore({ nats, cluster: "barline", times, replicas: 1 });
  });
  for (const nats of opened) await nats[Symbol.asyncDispose]();
});
