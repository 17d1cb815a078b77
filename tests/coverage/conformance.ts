/**
 * What every store of coverage has to do.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Doubt, type SeriesCoverage, UNKNOWN } from "../../src/coverage/coverage.ts";
import { applyChange, type CoverageChange, type CoverageStore } from "../../src/coverage/store.ts";
import type { Interval } from "../../src/records/intervals.ts";
import { createRandom, type Random } from "../endtoend/random.ts";

/** A place that stores can be opened for. */
export interface CoveragePlace {
  /** Opens a store of the tenant in that place, as another process would. */
  open(tenant?: string): CoverageStore;
}

/** Registers the tests of a kind of store; `run` gives each a place of its own, with nothing in it. */
export function testCoverageStore(
  kind: string,
  test: (name: string, fn: () => Promise<void>) => void,
  run: (fn: (place: CoveragePlace) => Promise<void>) => Promise<void>,
): void {
  const conforms = (name: string, fn: (place: CoveragePlace) => Promise<void>) =>
    test(`${kind}: ${name}`, () => run(fn));

  conforms("saved coverage is loaded by another process", async ({ open }) => {
    const unrepairable = doubtOf(300, 420, { dueAt: Infinity, attempts: 12, reason: "lag" });
    await open().save(OWNER, [
      { symbol: "AAPL", confirmed: [[0, 60], [120, 300]].map(minutes), doubts: [doubtOf(60, 120), unrepairable] },
      { symbol: "MSFT", confirmed: [[0, 60]].map(minutes), doubts: [] },
    ]);
    assertEquals(await loaded(open()), {
      AAPL: { confirmed: [[0, 60], [120, 300]].map(minutes), doubts: [doubtOf(60, 120), unrepairable] },
      MSFT: { confirmed: [[0, 60]].map(minutes), doubts: [] },
    });
  });

  conforms("nothing is known of series that were never saved", async ({ open }) => {
    const store = open();
    await store.save(OWNER, []);
    assertEquals(await loaded(store), {});
  });

  conforms("series of other providers, timeframes and tenants are apart", async ({ open }) => {
    const change = { symbol: "A", confirmed: [minutes([0, 1])], doubts: [doubtOf(1, 2)] };
    await open().save(OWNER, [change]);
    assertEquals((await open().load({ ...OWNER, provider: "kraken" })).size, 0);
    assertEquals((await open().load({ ...OWNER, timeframe: "5m" })).size, 0);
    assertEquals((await open("beta").load(OWNER)).size, 0);
  });

  conforms("symbols of any letters keep apart", async ({ open }) => {
    const symbols = ["BRK.B", "BRK/B", "BRK B", "BRK=2eB", "btc/usd", "BTC/USD", "X:EURUSD", "Ω", "*", ">", '"\\'];
    await open().save(OWNER, symbols.map((symbol, at) => ({ symbol, confirmed: [minutes([at, at + 1])], doubts: [] })));
    const expected = symbols.map((symbol, at) => [symbol, { confirmed: [minutes([at, at + 1])], doubts: [] }]);
    assertEquals(await loaded(open()), Object.fromEntries(expected));
  });

  conforms("a range that is confirmed is taken from the doubts, and the other way round", async ({ open }) => {
    const store = open();
    await store.save(OWNER, [{ symbol: "A", confirmed: [minutes([0, 100])], doubts: [] }]);
    await store.save(OWNER, [{ symbol: "A", confirmed: [], doubts: [doubtOf(10, 90)] }]);
    await store.save(OWNER, [{ symbol: "A", confirmed: [minutes([40, 50])], doubts: [] }]);
    assertEquals(await loaded(open()), {
      A: { confirmed: [[0, 10], [40, 50], [90, 100]].map(minutes), doubts: [doubtOf(10, 40), doubtOf(50, 90)] },
    });
    const asked = doubtOf(10, 40, { attempts: 1, dueAt: BASE + 1e6 });
    await store.save(OWNER, [{ symbol: "A", confirmed: [], doubts: [asked] }]);
    await store.save(OWNER, [{ symbol: "A", confirmed: [minutes([50, 90])], doubts: [] }]);
    assertEquals(await loaded(open()), { A: { confirmed: [[0, 10], [40, 100]].map(minutes), doubts: [asked] } });
  });

  conforms("changes of several writers at once are all there", async ({ open }) => {
    const writers = [open(), open(), open()];
    const rounds = Array.from({ length: 30 }, (_, at) => at);
    await Promise.all(writers.map(async (store, writer) => {
      for (const at of rounds) {
        const start = 1000 * writer + 10 * at;
        const [symbol, other] = writer % 2 === 0 ? ["A", "B"] : ["B", "A"];
        await store.save(OWNER, [
          { symbol, confirmed: [minutes([start, start + 10])], doubts: [] },
          { symbol: other, confirmed: [], doubts: [doubtOf(start + 5, start + 6)] },
        ]);
      }
    }));
    const { A, B } = await loaded(open());
    assertEquals(A.confirmed, [[0, 300], [2000, 2300]].map(minutes));
    assertEquals(B.confirmed, [[1000, 1300]].map(minutes));
    assertEquals([A.doubts.length, B.doubts.length], [30, 60]);
  });

  conforms("any changes give what the model gives", async ({ open }) => {
    const random = createRandom(20_240_102);
    const model = new Map<string, SeriesCoverage>();
    const stores = [open(), open()];
    for (let round = 0; round < 60; round++) {
      const changes = ["A", "B"].map((symbol): CoverageChange => ({
        symbol,
        confirmed: ranges(random, 2),
        doubts: ranges(random, 2).map(([from, to]) => ({ ...doubtOf(0, 1, { attempts: round }), from, to })),
      }));
      for (const change of changes) model.set(change.symbol, applyChange(model.get(change.symbol) ?? UNKNOWN, change));
      await stores[round % 2].save(OWNER, changes);
      if (round % 10 === 9) assertEquals(await loaded(open()), Object.fromEntries(model), `round ${round}`);
    }
  });
}

/** Whose series the tests are about. */
export const OWNER = { provider: "alpaca", timeframe: "1m" };
const BASE = Date.UTC(2024, 0, 2);
const MINUTE_MS = 60_000;

/** An interval of minutes of a day. */
export const minutes = ([from, to]: readonly number[]): Interval => [BASE + from * MINUTE_MS, BASE + to * MINUTE_MS];

/** A doubt about minutes of a day. */
export function doubtOf(from: number, to: number, given: Partial<Doubt> = {}): Doubt {
  const [start, end] = minutes([from, to]);
  return { from: start, to: end, reason: "hole", foundAt: BASE + 5, dueAt: BASE + 60_001, attempts: 0, ...given };
}

/** All that a store knows of the owner's series. */
export async function loaded(store: CoverageStore): Promise<Record<string, SeriesCoverage>> {
  return Object.fromEntries(await store.load(OWNER));
}

/** Up to so many ranges that neither touch nor overlap, in order. */
function ranges(random: Random, most: number): Interval[] {
  const found: Interval[] = [];
  let at = 0;
  for (let left = random.whole(0, most); left > 0; left--) {
    const from = at + random.whole(1, 60);
    at = from + random.whole(1, 40);
    found.push(minutes([from, at]));
  }
  return found;
}
