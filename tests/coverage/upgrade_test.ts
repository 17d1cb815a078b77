import { assertEquals } from "@std/assert";
import { keepCoverageInFiles } from "../../src/coverage/file.ts";
import { withUpgrade } from "../../src/coverage/upgrade.ts";
import { createPosition } from "../../src/providers/position.ts";
import { makeDirectory } from "../support/providers.ts";
import { minutes, OWNER } from "./conformance.ts";

const DAY = 1440;

async function leave(directory: string, name: string, place: unknown): Promise<void> {
  const position = createPosition<unknown>({ directory, name });
  position.track(place)();
  await position.save();
}

const at = (minute: number) => minutes([minute, 0])[0];
const names = (directory: string) => Array.fromAsync(Deno.readDir(`${directory}/positions`), ({ name }) => name);

Deno.test("frontiers of earlier versions are read once: the last day of each is in doubt", async () => {
  await using directory = await makeDirectory();
  const path = directory.path;
  const warn = (message: string) => {
    throw new Error(message);
  };
  const files = keepCoverageInFiles({ dataDir: path, warn });
  await files.save(OWNER, [{ symbol: "B", confirmed: [minutes([0, 2 * DAY - 10])], doubts: [] }]);
  await leave(path, "alpaca 1m", { A: at(5000) + 1, B: at(2 * DAY) });
  await leave(path, "failover alpaca,massive 1m", { C: at(3000) });
  await leave(path, "backfill kraken 5m", { "BTC/USD": [[at(0), at(60)], [at(9000), at(20_000)]] });
  await leave(path, "replay bars.csv", { offset: 7 });
  const store = withUpgrade(files, path);
  const load = async (owner: typeof OWNER) =>
    Object.fromEntries(Array.from(await store.load(owner), ([symbol, { confirmed, doubts }]) => [
      symbol,
      { confirmed, doubts: doubts.map(({ from, to, reason, dueAt }) => [from, to, reason, dueAt <= Date.now()]) },
    ]));
  const doubt = (from: number, to: number) => [...minutes([from, to]), "upgraded", true];
  const C = { confirmed: [], doubts: [doubt(3000 - DAY, 3000)] };
  assertEquals(await load(OWNER), {
    A: { confirmed: [], doubts: [doubt(5000 - DAY, 5000)] },
    B: { confirmed: [minutes([0, 2 * DAY - 10])], doubts: [doubt(2 * DAY - 10, 2 * DAY)] },
    C,
  });
  assertEquals(await load({ ...OWNER, provider: "massive" }), { C });
  assertEquals(await load({ provider: "kraken", timeframe: "5m" }), {
    "BTC/USD": { confirmed: [], doubts: [doubt(0, 60), doubt(20_000 - DAY, 20_000)] },
  });
  assertEquals((await names(path)).length, 1, "but for the position of the file");
  // Settled since, it stays so.
  await store.save(OWNER, [{ symbol: "A", confirmed: [minutes([0, 5000])], doubts: [] }]);
  const again = await withUpgrade(files, path).load(OWNER);
  assertEquals(again.get("A"), { confirmed: [minutes([0, 5000])], doubts: [] });
});

Deno.test("earlier files are left for the next time if coverage cannot be saved", async () => {
  await using directory = await makeDirectory();
  await leave(directory.path, "alpaca 1m", { A: at(5000) });
  let isAway = true;
  const saved: string[] = [];
  const store = withUpgrade({
    load: () => Promise.resolve(new Map()),
    save(_, changes) {
      if (isAway) return Promise.reject(new Error("away"));
      saved.push(...changes.map(({ symbol }) => symbol));
      return Promise.resolve();
    },
  }, directory.path);
  assertEquals(await store.load(OWNER).catch(({ message }) => message), "away");
  assertEquals((await names(directory.path)).length, 1);
  isAway = false;
  await store.load(OWNER);
  assertEquals([saved, (await names(directory.path)).length], [["A"], 0]);
});
