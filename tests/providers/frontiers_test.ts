import { assertEquals } from "@std/assert";
import { createFailover } from "../../src/providers/failover.ts";
import { createCoverage } from "../../src/providers/live/coverage.ts";
import { createFrontiers, type Frontiers } from "../../src/providers/live/frontiers.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { makeDirectory } from "../support/providers.ts";
import { manualSource, settled } from "../support/streams.ts";
import { createContext } from "./conformance.ts";

Deno.test("frontiers move on, never back, and are there in the next run", async () => {
  await using directory = await makeDirectory();
  const options = { dataDir: directory.path, name: "test" };
  const first = createFrontiers(options);
  await first.load();
  first.propose("A", 10);
  first.propose("A", 20);
  first.advance("B", 5);
  first.advance("B", 3);
  assertEquals([first.get("A"), first.get("B"), first.get("C")], [10, 5, undefined]);
  await first.save();
  const second = createFrontiers(options);
  second.propose("A", 1);
  await second.load();
  assertEquals([...second.entries()], [["A", 1], ["B", 5]]);
});

Deno.test("what was never loaded is not saved over what is there", async () => {
  await using directory = await makeDirectory();
  const options = { dataDir: directory.path, name: "test" };
  const first = createFrontiers(options);
  await first.load();
  first.advance("A", 10);
  await first.save();
  await createFrontiers(options).save();
  const third = createFrontiers(options);
  await third.load();
  assertEquals(third.get("A"), 10);
});

Deno.test("a feed of a group asks from where the group is, and from its own end where the group knows nothing", async () => {
  await using directory = await makeDirectory();
  const dataDir = directory.path;
  const own = createCoverage({ dataDir, name: "one", overlapMs: 0 });
  await own.load(new Map([["A", 10], ["B", 20]]));
  await own.save();
  const shared = createFrontiers({ dataDir, name: "group" });
  await shared.load();
  shared.advance("A", 100);
  const coverage = createCoverage({ dataDir, name: "one", overlapMs: 0 });
  await coverage.load(new Map(), shared);
  assertEquals([coverage.frontier("A"), coverage.frontier("B")], [100, 20]);
  coverage.repaired("A", 150, true);
  coverage.live("A", 160);
  assertEquals(shared.get("A"), 160);
  // Its own stay as they were: they tell of its own series.
  await coverage.save();
  const alone = createCoverage({ dataDir, name: "one", overlapMs: 0 });
  await alone.load(new Map());
  assertEquals(alone.frontier("A"), 10);
  // Saved in the background too: the directory goes when that is done.
  await shared.save();
});

Deno.test("symbols at the same place of the members' lists share a frontier", async () => {
  await using directory = await makeDirectory();
  const seen = new Map<string, Frontiers>();
  const member = (name: string, symbols: string[]): Provider => ({
    name,
    symbols,
    open(context) {
      seen.set(name, context.frontiers!);
      return manualSource<never>().stream;
    },
  });
  const group = createFailover({
    members: [member("kraken", ["BTC/USD", "ETH/USD"]), member("binance", ["BTCUSDT", "ETHUSDT"])],
    dataDir: directory.path,
    timeframe: "1m",
    afterMs: 10,
    backMs: 10,
  });
  const context = createContext();
  const changed = Promise.withResolvers<void>();
  const reader = group.open({
    ...context,
    tell(event) {
      if (event.type === "failover" && event.previous !== undefined) changed.resolve();
    },
  }).getReader();
  await changed.promise;
  await settled();
  seen.get("kraken")!.advance("ETH/USD", 7);
  const standby = seen.get("binance")!;
  assertEquals([standby.get("ETHUSDT"), standby.get("BTCUSDT")], [7, undefined]);
  standby.advance("ETHUSDT", 9);
  assertEquals(seen.get("kraken")!.get("ETH/USD"), 9);
  await reader.cancel();
});
