import { assertEquals } from "@std/assert";
import { Kvm } from "@nats-io/kv";
import { openNats } from "../../src/nats/connection.ts";
import { keepCoverageInFiles } from "../../src/coverage/file.ts";
import type { Database } from "../../src/database/database.ts";
import { withClient } from "../../src/database/database.ts";
import { keepCoverageInDatabase } from "../../src/database/coverage.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { keepCoverageInNats } from "../../src/nats/coverage.ts";
import { select } from "../support/lanes.ts";
import { missingNats, type NatsServer, natsSettings, startNats } from "../support/nats.ts";
import { makeDirectory } from "../support/providers.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { testWhere } from "../support/skip.ts";
import { type CoveragePlace, loaded, minutes, OWNER, testCoverageStore } from "./conformance.ts";

/** The stores of a database. */
function placeIn(database: Database): CoveragePlace {
  return {
    open: (tenant = "default") =>
      keepCoverageInDatabase({ tenant, writer: "host/1", run: (work, signal) => withClient(database, work, signal) }),
  };
}

const server = useServer();
let run: (fn: (place: CoveragePlace) => Promise<void>) => Promise<void>;
testCoverageStore(
  "postgres",
  (name, fn) =>
    server.test(name, async (server) => {
      const { database } = await migratedDatabase(server);
      run = (fn) => fn(placeIn(database));
      await fn();
    }),
  (fn) => run(fn),
);

let embedded: Database;
const data = await Deno.makeTempDir({ prefix: "barline-test-" });
Deno.test.beforeAll(async () => {
  embedded = await openEmbedded(data);
  await prepareDatabase(embedded);
});
Deno.test.afterAll(async () => {
  await embedded[Symbol.asyncDispose]();
  await Deno.remove(data, { recursive: true });
});
testCoverageStore("embedded", (name, fn) => testWhere(undefined, name, fn), async (fn) => {
  await select(embedded, "TRUNCATE series_coverage, series_doubt, series_key");
  await fn(placeIn(embedded));
});

testCoverageStore("files", (name, fn) => testWhere(undefined, name, fn), async (fn) => {
  await using directory = await makeDirectory();
  const warn = (message: string) => {
    throw new Error(message);
  };
  await fn({ open: (tenant = ".") => keepCoverageInFiles({ dataDir: `${directory.path}/${tenant}`, warn }) });
});

let nats: NatsServer;
if (missingNats() === undefined) {
  Deno.test.beforeAll(async () => {
    nats = await startNats();
  });
  Deno.test.afterAll(async () => await nats[Symbol.asyncDispose]());
}
testCoverageStore("nats", (name, fn) => testWhere(missingNats(), name, fn), async (fn) => {
  await using open = new AsyncDisposableStack();
  const own = crypto.randomUUID();
  await fn({
    open: (tenant = "default") =>
      keepCoverageInNats({
        nats: open.use(openNats(natsSettings(nats.url), "test")),
        cluster: `${own}.${tenant}`,
        replicas: 1,
        timeoutMs: 5000,
        writer: "host/1",
      }),
  });
});

testWhere(missingNats(), "frontiers that instances of earlier versions kept in NATS are read once", async () => {
  await using way = openNats(natsSettings(nats.url), "test");
  const cluster = `old.${crypto.randomUUID()}`;
  const old = await new Kvm(await way.connect()).create(`barline_${cluster.replaceAll(".", "--")}_frontiers`, {});
  const [end, start] = [minutes([3000, 1560])[0], minutes([1560, 0])[0]];
  await old.put("alpaca=2Cmassive=201m.4.0", JSON.stringify({ "BRK.B": end }));
  await old.put("mock=201m.4.1", JSON.stringify({ X: end }));
  const open = () => keepCoverageInNats({ nats: way, cluster, replicas: 1, timeoutMs: 5000, writer: "host/1" });
  const store = open();
  for (const provider of ["alpaca", "massive"]) {
    const known = await store.load({ provider, timeframe: "1m" });
    assertEquals([...known.keys()], ["BRK.B"]);
    const [{ from, to, reason }] = known.get("BRK.B")!.doubts;
    assertEquals([from, to, reason], [start, end, "upgraded"]);
  }
  await store.save(OWNER, [{ symbol: "BRK.B", confirmed: [minutes([0, 3000])], doubts: [] }]);
  assertEquals((await loaded(open()))["BRK.B"], { confirmed: [minutes([0, 3000])], doubts: [] });
});
