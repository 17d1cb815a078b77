import { assertEquals } from "@std/assert";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { bucketOf, readNatsMembership } from "../../src/cluster/nats_lease.ts";
import { openNats } from "../../src/nats/connection.ts";
import { missingNats, natsSettings, startNats } from "../support/nats.ts";
import { testWhere } from "../support/skip.ts";

testWhere(missingNats(), "the membership includes every instance that sends a heartbeat while it is read", async () => {
  await using nats = await startNats();
  await using heartbeats = openNats(natsSettings(nats.url), "heartbeats");
  await using reads = openNats(natsSettings(nats.url), "reads");
  const bucket = await new Kvm(jetstream(await heartbeats.connect())).create(bucketOf("busy"), {
    ttl: 60_000,
    history: 1,
  });
  const names = ["a", "b", "c"];
  let isOver = false;
  async function heartbeat(name: string): Promise<void> {
    await bucket.put(`member.${name}`, JSON.stringify({ instance: name, startedAt: 0 }));
  }
  await Promise.all(names.map(heartbeat));
  const beating = names.map(async (name) => {
    while (!isOver) await heartbeat(name);
  });
  try {
    for (let read = 0; read < 100; read++) {
      const { members } = await readNatsMembership(reads, "busy");
      assertEquals(members.map(({ id }) => id), names);
    }
  } finally {
    isOver = true;
    await Promise.all(beating);
  }
});
