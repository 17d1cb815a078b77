import { delay } from "@std/async/delay";
import { openTestCluster } from "../../support/cluster.ts";
import type { TestServer } from "../../support/postgres.ts";

/** Who is killed while it fills a hole leaves it to the next, though newer bars are stored. */
export async function fillHole(server: TestServer): Promise<void> {
  await using cluster = await openTestCluster(server, { symbols: ["AAUSDT", "BBUSDT"], shards: 1 });
  const { market } = cluster;
  const instances = new Map([["a", cluster.start("a")]]);
  await cluster.until({ a: [0] });
  await cluster.streamed();
  await cluster.complete();
  market.breakAll();
  const broken = market.bars.at(-1)!.ts;
  // Beyond what a repair looks back on its own.
  const hole = `SELECT 1 FROM bars WHERE ts > to_timestamp(${(broken + 9000) / 1000}) LIMIT 1`;
  while ((await server.query(hole, cluster.database)).length === 0) await delay(20);
  instances.set("b", cluster.start("b"));
  const first = await cluster.holder("a", "b");
  instances.get(first)!.kill("SIGKILL");
  await cluster.until({ [first === "a" ? "b" : "a"]: [0] });
  market.mendHistory();
  console.log(`${await cluster.complete()} bars, none is missing`);
}
