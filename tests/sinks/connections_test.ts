import { assertEquals } from "@std/assert";
import { createPool } from "../../src/database/pool.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { counts, never, select } from "../support/lanes.ts";
import { numberedBars, numbers, storedNumbers } from "../support/numbered.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { controlTest } = useServer();

controlTest("lanes share the connections that a role may have, and no write fails", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await server.query(
    "CREATE ROLE limited LOGIN CONNECTION LIMIT 2; GRANT ALL ON ALL TABLES IN SCHEMA public TO limited",
    url,
  );
  const as = new URL(url);
  as.username = "limited";
  const limited = databaseAt(as.href);
  const notices: string[] = [];
  const pool = createPool(limited, 20, (message) => void notices.push(message));
  await using sink = openPostgresSink({ database: limited, pool, kind: recordKind("bar"), deadlineMs: 10_000 });
  const lanes = numbers(4).map(() => sink.openLane());
  for (let round = 0; round < 5; round++) {
    await Promise.all(lanes.map(async (lane, at) => {
      assertEquals(await lane.write(rowsOf(numberedBars(50, (round * 4 + at) * 50)), never), counts(50));
    }));
  }
  const mine = "SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = 'limited'";
  assertEquals(await select(database, mine), [{ count: 2 }]);
  assertEquals(notices, ["The server admits no more than 2 connections: lanes wait for each other"]);
  await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  assertEquals(await storedNumbers(database), numbers(1000));
});

controlTest("a role without any connection left is an outage, as before", async (server) => {
  const { url } = await migratedDatabase(server);
  await server.query("CREATE ROLE shut_out LOGIN CONNECTION LIMIT 0", url);
  const as = new URL(url);
  as.username = "shut_out";
  await using sink = openPostgresSink({ database: databaseAt(as.href), kind: recordKind("bar"), deadlineMs: 10_000 });
  await using lane = sink.openLane();
  const error = await lane.write(rowsOf(numberedBars(1)), never).then(() => undefined, (error) => error);
  assertEquals([error.code, sink.classify(error)], ["53300", "transient"]);
});
