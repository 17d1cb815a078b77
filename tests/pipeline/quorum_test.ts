import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { createQuorum, MAX_LISTED, type QuorumOptions, WINDOW } from "../../src/pipeline/quorum.ts";
import type { Bar } from "../../src/records/bar.ts";
import { makeBar, makeFrame, OPENING } from "../support/frames.ts";
import { eventLog } from "../support/letters.ts";

/** A quorum of `a` and `b`, and what it tells. */
function start(given: Partial<QuorumOptions> = {}) {
  const events = eventLog();
  const quorum = createQuorum({ providers: ["a", "b"], tolerance: 0.001, emit: events.emit, ...given });
  return {
    ...quorum,
    events: () => events.of("quorum"),
    /** Shows a frame of bars of one provider. */
    show: (provider: string, ...bars: Partial<Bar>[]) =>
      quorum.look(makeFrame(bars.map((fields) => makeBar({ provider, ...fields })), { provider })),
    counts() {
      const { compared, mismatched } = quorum.report();
      return [compared, mismatched];
    },
  };
}

const at = (minute: number) => ({ ts: OPENING + minute * 60_000 });

Deno.test("bars are compared when both have come, in either order", () => {
  const quorum = start();
  quorum.show("a", {});
  assertEquals(quorum.counts(), [0, 0]);
  quorum.show("b", {}, at(1));
  quorum.show("a", at(1), at(2));
  assertEquals(quorum.counts(), [2, 0]);
  assertEquals(quorum.report().mismatches, []);
});

Deno.test("prices that differ beyond the tolerance are reported, counted by field, and listed with both values", () => {
  const quorum = start();
  quorum.show("a", { high: 200, close: 150 });
  quorum.show("b", { high: 200.19, close: 150.3 });
  const [{ compared, mismatched, mismatches }] = quorum.events();
  assertEquals({ compared, mismatched, mismatches }, { compared: 1, mismatched: 1, mismatches: { close: 1 } });
  const [{ symbol, timeframe, ts, fields }] = quorum.report().mismatches;
  assertEquals({ symbol, timeframe, ts }, { symbol: "AAPL", timeframe: "1m", ts: OPENING / 1000 });
  assertEquals(Object.keys(fields), ["close"]);
  const { a, b, difference } = fields.close!;
  assertEquals([a, b], [150, 150.3]);
  assertAlmostEquals(difference, 0.3 / 150.3, 1e-12);
});

Deno.test("volumes are compared only if they have a tolerance", () => {
  for (const [volumeTolerance, mismatched] of [[undefined, 0], [0.2, 1], [0.6, 0]] as const) {
    const quorum = start({ volumeTolerance });
    quorum.show("a", { volume: 100 });
    quorum.show("b", { volume: 200 });
    assertEquals(quorum.counts(), [1, mismatched]);
  }
});

Deno.test("equal values are so at a tolerance of 0, also if they are 0 or negative", () => {
  const quorum = start({ tolerance: 0, volumeTolerance: 0 });
  const bar = { open: 0, high: 0, low: -5, close: -5, volume: 0 };
  quorum.show("a", bar);
  quorum.show("b", bar);
  assertEquals(quorum.counts(), [1, 0]);
  quorum.show("b", { ...bar, low: -6, status: "correction" });
  assertEquals(quorum.counts(), [2, 1]);
});

Deno.test("a correction is compared again, and takes the bar off the list where it mends it", () => {
  const quorum = start();
  quorum.show("a", { close: 100 });
  quorum.show("b", { close: 101 });
  assertEquals(quorum.report().mismatches.length, 1);
  quorum.show("b", { close: 102, status: "correction" });
  assertEquals(quorum.report().mismatches.map(({ fields }) => fields.close!.b), [102]);
  quorum.show("b", { close: 100, status: "correction" });
  assertEquals([quorum.counts(), quorum.report().mismatches], [[3, 2], []]);
});

Deno.test("a bar that comes again unchanged is not compared again", () => {
  const quorum = start();
  for (let round = 0; round < 3; round++) {
    for (const provider of ["a", "b"]) quorum.show(provider, { close: provider === "a" ? 1 : 2 });
  }
  assertEquals(quorum.counts(), [1, 1]);
  assertEquals(quorum.events().length, 1);
});

Deno.test("forming bars, other providers, symbols, timeframes and kinds are left alone", () => {
  const quorum = start();
  quorum.show("a", {});
  quorum.show("b", { status: "provisional" });
  quorum.show("c", {});
  quorum.show("b", { symbol: "MSFT" }, { timeframe: "5m" }, { timeframe: "nonsense" });
  quorum.look(makeFrame([makeBar({ provider: "b" })], { provider: "b", kind: "option" }));
  assertEquals(quorum.counts(), [0, 0]);
});

Deno.test("a provider may be behind by less than the window; older bars are forgotten, and do not disturb new ones", () => {
  const quorum = start();
  for (let minute = 0; minute < 2 * WINDOW; minute++) quorum.show("a", at(minute));
  for (let minute = 0; minute < 2 * WINDOW; minute++) quorum.show("b", at(minute));
  assertEquals(quorum.counts(), [WINDOW, 0]);
  quorum.show("a", at(0), at(1));
  quorum.show("b", { ...at(2 * WINDOW - 1), close: 1, status: "correction" });
  assertEquals(quorum.counts(), [WINDOW + 1, 1]);
});

Deno.test("times before 1970 have their place too", () => {
  const quorum = start();
  for (const provider of ["a", "b"]) quorum.show(provider, { ts: -60_000 }, { ts: -WINDOW * 60_000 });
  assertEquals(quorum.counts(), [2, 0]);
});

Deno.test("the list is bounded, the newest finding first", () => {
  const quorum = start();
  for (let minute = 0; minute < MAX_LISTED + 10; minute++) {
    quorum.show("a", at(minute));
    quorum.show("b", { ...at(minute), high: 200 });
  }
  const { mismatches } = quorum.report();
  assertEquals(mismatches.length, MAX_LISTED);
  assertEquals(mismatches[0].ts, at(MAX_LISTED + 9).ts / 1000);
});

Deno.test("the minute bars of 10,000 symbols take bounded memory", () => {
  const quorum = start();
  const symbols = Array.from({ length: 10_000 }, (_, number) => `S${number}`);
  const show = (minute: number) => {
    for (const provider of ["a", "b"]) {
      for (let from = 0; from < symbols.length; from += 500) {
        quorum.show(provider, ...symbols.slice(from, from + 500).map((symbol) => ({ symbol, ...at(minute) })));
      }
    }
  };
  show(0);
  const before = Deno.memoryUsage();
  for (let minute = 1; minute < 60; minute++) show(minute);
  assertEquals(quorum.counts(), [600_000, 0]);
  const grown = Deno.memoryUsage().external - before.external;
  assert(grown < 10_000_000, `it has grown by ${grown} bytes`);
});
