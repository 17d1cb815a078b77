import { assertEquals } from "@std/assert";
import { raisedByRows } from "../../src/app/receive_times.ts";
import { withClient } from "../../src/database/database.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { readNewest } from "../../src/database/newest.ts";
import { createRaisedClock } from "../../src/records/raised_clock.ts";
import { select, writeOnce } from "../support/lanes.ts";
import { numberedBar } from "../support/numbered.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { minutes, OWNER } from "./conformance.ts";

const { test } = useServer();

test("a bar of history replaces one that was received by a clock that was ahead", async (server) => {
  const { database } = await migratedDatabase(server);
  const [ts, end] = minutes([0, 1]);
  const now = Date.now();
  const ahead = (now + 60 * 60_000) * 1000;
  const bar = numberedBar(1, 1, { ...OWNER, symbol: "A", ts, fromHistory: 1 });
  await writeOnce(database, [{ ...bar, volume: 1, receivedAt: ahead }]);
  const newest = await withClient(
    database,
    (client, names) => readNewest(client, names, "default", OWNER.provider, OWNER.timeframe),
  );
  assertEquals(newest, new Map([["A", { ts, receivedAt: ahead }]]));

  const times = createRaisedClock(() => now);
  const run = <T>(work: Parameters<typeof withClient<T>>[1]) => withClient(database, work);
  const store = raisedByRows(keepCoverageInDatabase({ tenant: "default", writer: "host/1", run }), times);
  await store.starts!(OWNER, new Map([["A", [ts, end]]]));
  await writeOnce(database, [{ ...bar, volume: 2, receivedAt: times.clock(1) }]);
  assertEquals(await select(database, "SELECT volume FROM bar"), [{ volume: 2 }]);
});
