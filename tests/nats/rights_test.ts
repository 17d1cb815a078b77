import { assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { fromFileUrl } from "@std/path";
import { openPreparedNats } from "../../src/nats/prepared.ts";
import { manageStreams } from "../../src/nats/stream.ts";
import { createNats } from "../../src/providers/nats.ts";
import { frameSize } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openSink } from "../../src/sinks/mod.ts";
import { createContext } from "../providers/conformance.ts";
import { never } from "../support/lanes.ts";
import { missingNats, natsSettings, startNats } from "../support/nats.ts";
import { rowsOf } from "../support/frames.ts";
import { numberedBars } from "../support/numbered.ts";
import { providerSettings } from "../support/providers.ts";
import { testWhere } from "../support/skip.ts";

/** The users of the documentation, whose rights are the least that do. */
function readUsers(): string {
  const page = Deno.readTextFileSync(fromFileUrl(new URL("../../docs/edge-and-hub.md", import.meta.url)));
  const [, users] = /<!-- nats users -->\n([^]*?)<!-- \/nats users -->/.exec(page)!;
  return users.replaceAll("$EDGE_PASSWORD", "e").replaceAll("$HUB_PASSWORD", "h");
}

testWhere(
  missingNats(),
  "the rights that the documentation gives to edges and workers are enough for them",
  async () => {
    await using server = await startNats({
      config: readUsers().replace("users: [", "users: [{ user: admin, password: a }"),
    });
    const settings = (user: string, password: string) =>
      natsSettings(server.url, { natsUser: user, natsPassword: password });
    // As migrate does.
    await using admin = await openPreparedNats(settings("admin", "a"), "admin", () => false);
    {
      await using nats = await openPreparedNats(settings("edge", "e"), "edge", () => false);
      await using sink = openSink("nats", { nats, kind: recordKind("bar"), shards: 8, deadlineMs: 2000 });
      await sink.check(never);
      await using lane = sink.openLane();
      assertEquals((await lane.write(rowsOf(numberedBars(100)), never)).stored, 100);
      // Nothing of another tenant, whom the hub would believe it to be of.
      await using foreign = openSink("nats", {
        nats,
        kind: recordKind("bar"),
        shards: 8,
        deadlineMs: 500,
        tenant: "other",
      });
      await using other = foreign.openLane();
      await assertRejects(() => other.write(rowsOf(numberedBars(1)), never));
    }
    const manager = await manageStreams(admin);
    const worker = createNats(providerSettings({ nats: () => settings("hub", "h") }));
    const reader = worker.open(createContext()).getReader();
    for (let left = 100; left > 0;) {
      const { value: frame } = await reader.read();
      left -= frameSize(frame!);
      frame!.ack("committed", frameSize(frame!));
    }
    while ((await manager.streams.info("BARLINE")).state.messages > 0) await delay(20);
    await reader.cancel();
    await worker.close!();
  },
);
