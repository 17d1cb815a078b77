import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { jetstream } from "@nats-io/jetstream";
import { openPreparedNats } from "../../src/nats/prepared.ts";
import { manageStreams } from "../../src/nats/stream.ts";
import { encodeFrame } from "../../src/records/codec.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { missingNats, natsSettings, startNats } from "../support/nats.ts";
import { numberedBars } from "../support/numbered.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { databaseAt } from "../support/server_tests.ts";
import { select } from "../support/lanes.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { frameOf } from "../support/frames.ts";

const server = await startSharedServer();

testWhere(
  missingNats() ?? missingServer(),
  "messages that come twice, to several workers and late, leave the table as one delivery of the newest would",
  async () => {
    await using nats = await startNats();
    await using work = await openWorkspace(server);
    const COUNT = 700;
    const first = numberedBars(COUNT).map((bar, at) => ({ ...bar, receivedAt: 1e15 + at }));
    const corrected = first.map((bar): Bar => ({ ...bar, volume: 2, status: "correction", receivedAt: 1e15 + 1e6 }));
    const message = (records: readonly Bar[]) =>
      encodeFrame(
        frameOf({ kind: "bar", provider: "numbered", receivedAt: records[0].receivedAt, records }),
        recordKind("bar"),
      );
    {
      await using edge = await openPreparedNats(natsSettings(nats.url), "edge", () => false);
      const client = jetstream(await edge.connect());
      // The stream is given no chance to know them again: each comes under a name of its own.
      let sent = 0;
      for (const bars of [corrected, first, first, corrected, first]) {
        for (let at = 0; at < COUNT; at += 100) {
          await client.publish("barline.default.bar.0", message(bars.slice(at, at + 100)), { msgID: String(sent++) });
        }
      }
    }
    const workers = [0, 1].map((worker) =>
      work.startIngest(["--provider", "nats", "--nats-url", nats.url, "--data-dir", `${work.dataDir}-${worker}`])
    );
    // One that is stopped before it has begun tells nothing.
    await Promise.all(workers.map(({ line }) => line(/Feed nats is live/)));
    await using look = await openPreparedNats(natsSettings(nats.url), "look", () => false);
    const manager = await manageStreams(look);
    while ((await manager.streams.info("BARLINE")).state.messages > 0) await delay(20);
    let received = 0;
    for (const worker of workers) {
      worker.kill("SIGTERM");
      const { code, json, stderr } = await worker.ended;
      assertEquals([code, json.deadLettered, json.inFlight], [0, 0, 0], stderr);
      received += json.received;
    }
    assertEquals(received, 5 * COUNT);
    const rows = await select(
      databaseAt(work.database),
      "SELECT count(*)::int AS count, sum(open)::int AS sum, min(volume) AS least, min(status) AS status FROM bars",
    );
    assertEquals(rows, [{ count: COUNT, sum: COUNT * (COUNT - 1) / 2, least: 2, status: "correction" }]);
  },
);
