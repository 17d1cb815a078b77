import { assertEquals } from "@std/assert";
import { shareFrontiers } from "../../src/cluster/frontiers.ts";
import { keepFrontiersInPostgres } from "../../src/cluster/postgres_frontiers.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

test("what one instance knows of a symbol another learns, and nothing goes back", async (server) => {
  const { database } = await migratedDatabase(server);
  const [one, other] = ["c", "c"].map((cluster) =>
    shareFrontiers(keepFrontiersInPostgres(database, cluster), "binance 1s")
  );
  await one.load();
  one.propose("A", 1000);
  one.advance("A", 5000);
  one.propose("B", 2000);
  await one.save();
  await other.load();
  assertEquals([...other.entries()].sort(), [["A", 5000], ["B", 2000]]);
  other.advance("B", 9000);
  await other.save();
  // Late, and less: a holder that is none any more.
  one.advance("B", 3000);
  await one.save();
  await one.load();
  assertEquals([...one.entries()].sort(), [["A", 5000], ["B", 9000]]);
  const elsewhere = shareFrontiers(keepFrontiersInPostgres(database, "d"), "binance 1s");
  await elsewhere.load();
  assertEquals([...elsewhere.entries()], []);
});
