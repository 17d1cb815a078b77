import { assertEquals } from "@std/assert";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { bucketOf, readNatsCensus } from "../../src/cluster/nats_lease.ts";
import { openNats } from "../../src/nats/connection.ts";
import { missingNats, natsSettings, startNats } from "../support/nats.ts";
import { testWhere } from "../support/skip.ts";

testWhere(missingNats(), "a census leaves out no instance that sends a beat while it is read", async () => {
  await using nats = await startNats();
  await using beats = openNats(natsSettings(nats.url), "beats");
  await using reads = openNats(natsSettings(nats.url), "reads");
  const bucket = await new Kvm(jetstream(await beats.connect())).create(bucketOf("busy"), { ttl: 60_000, history: 1 });
  const names = ["a", "b", "c"];
  let isOver = false;
  async function beat(name: string): Promise<void> {
    await bucket.put(`member.${name}`, JSON.stringify({ instance: name, startedAt: 0 }));
  }
  await Promise.all(names.map(beat));
  const beating = names.map(async (name) => {
    while (!isOver) await beat(name);
  });
  try {
    for (let read = 0; read < 100; read++) {
      const { members } = await readNatsCensus(reads, "busy");
      assertEquals(members.map(({ id }) => id), names);
    }
  } finally {
    isOver = true;
    await Promise.all(beating);
  }
});
