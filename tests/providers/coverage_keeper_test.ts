import { assertEquals, assertStrictEquals } from "@std/assert";
import { confirm, doubt, type SeriesCoverage, UNKNOWN } from "../../src/coverage/coverage.ts";
import { commit, createTrack, receive, settle } from "../../src/providers/live/coverage/track.ts";
import { keepIn, memoryCoverage } from "../support/coverage.ts";

const MINUTE = 60_000;

Deno.test("confirm() keeps the list of doubts if none lies in the range", () => {
  const opened = { from: 0, to: MINUTE, reason: "hole", foundAt: 0, dueAt: 0, attempts: 0 } as const;
  const coverage = doubt(UNKNOWN, opened);
  assertStrictEquals(confirm(coverage, [MINUTE, 2 * MINUTE]).doubts, coverage.doubts);
});

Deno.test("a stopped keeper saves the changes", async () => {
  const store = memoryCoverage();
  const saved = Promise.withResolvers<void>();
  const keeper = keepIn({ ...store, save: (owner, changes) => store.save(owner, changes).then(saved.resolve) }, "x");
  const track = createTrack("AAPL", MINUTE, undefined);
  settle(track, [0, MINUTE]);
  keeper.changed(track);
  keeper.stop();
  await saved.promise;
  assertEquals(store.known.get("AAPL")?.confirmed, [[0, MINUTE]]);
});

Deno.test("a bar that may still be corrected is saved as confirmed when it no longer may be", async () => {
  const store = memoryCoverage();
  let until = 5.5 * MINUTE;
  const keeper = keepIn(store, "x", { settledUntil: () => until });
  const track = createTrack("AAPL", MINUTE, undefined);
  settle(track, [0, 10 * MINUTE]);
  keeper.changed(track);
  await keeper.save();
  assertEquals(store.known.get("AAPL")?.confirmed, [[0, 5 * MINUTE]]);
  until = 10 * MINUTE;
  await keeper.save();
  assertEquals(store.known.get("AAPL")?.confirmed, [[0, 10 * MINUTE]]);
});

Deno.test("the range behind a bar in flight is saved as confirmed once the bar is stored", async () => {
  const store = memoryCoverage();
  const keeper = keepIn(store, "x");
  const track = createTrack("AAPL", MINUTE, undefined);
  for (const at of [0, 1, 2, 3]) receive(track, at * MINUTE);
  for (const at of [0, 2, 3]) commit(track, at * MINUTE);
  keeper.changed(track);
  await keeper.save();
  assertEquals(store.known.get("AAPL")?.confirmed, [[0, MINUTE]]);
  commit(track, MINUTE);
  keeper.changed(track);
  await keeper.save();
  assertEquals(store.known.get("AAPL")?.confirmed, [[0, 4 * MINUTE]]);
});

Deno.test("minutes in front of a doubt that were not saved before a kill are in doubt at the next start", async () => {
  const hole = { from: 14 * MINUTE, to: 15 * MINUTE, reason: "hole", foundAt: 0, dueAt: 0, attempts: 0 } as const;
  const stored = doubt(confirm(UNKNOWN, [0, 10 * MINUTE]), hole);
  const old = { ...hole, to: 0, from: -MINUTE, reason: "horizon", dueAt: Infinity } as const;
  const keeper = keepIn(memoryCoverage(new Map([["AAPL", stored], ["MSFT", doubt(UNKNOWN, old)]])), "x");
  let known: ReadonlyMap<string, SeriesCoverage> = new Map();
  await keeper.load(new Map([["AAPL", 15 * MINUTE]]), { learn: (taken) => known = taken, relearn() {} });
  keeper.stop();
  const { confirmed, doubts } = known.get("AAPL")!;
  assertEquals(confirmed, [[0, 10 * MINUTE]]);
  assertEquals(doubts.map(({ from, to, reason }) => [from / MINUTE, to / MINUTE, reason]), [
    [10, 14, "stopped"],
    [14, 15, "hole"],
    [15, 16, "stopped"],
  ]);
  assertEquals(known.get("MSFT")!.doubts, [old]);
});

Deno.test("bars that were stored after the last save are in doubt at the next start", async () => {
  const keeper = keepIn(memoryCoverage(new Map([["AAPL", confirm(UNKNOWN, [0, 10 * MINUTE])]])), "x");
  let known: ReadonlyMap<string, SeriesCoverage> = new Map();
  await keeper.load(new Map([["AAPL", 14 * MINUTE]]), { learn: (taken) => known = taken, relearn() {} });
  keeper.stop();
  const { confirmed, doubts } = known.get("AAPL")!;
  assertEquals(confirmed, [[0, 10 * MINUTE]]);
  assertEquals(doubts.map(({ from, to, reason }) => [from, to, reason]), [[10 * MINUTE, 15 * MINUTE, "stopped"]]);
});
