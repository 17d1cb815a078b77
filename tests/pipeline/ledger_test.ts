import { assertEquals } from "@std/assert";
import { createLedger, imbalance } from "../../src/pipeline/ledger.ts";

const accepted = { type: "accepted", kind: "bar", provider: "test", count: 10 } as const;

Deno.test("an empty ledger balances", () => assertEquals(imbalance(createLedger().read()), 0));

Deno.test("accepted records are in flight until they are settled", () => {
  const ledger = createLedger();
  ledger.listen(accepted);
  assertEquals([ledger.read().received, ledger.read().inFlight, imbalance(ledger.read())], [10, 10, 0]);
});

Deno.test("the ledger balances when all settled records are somewhere", () => {
  const ledger = createLedger();
  ledger.listen(accepted);
  ledger.listen({
    type: "batch-written",
    kind: "bar",
    worker: 0,
    count: 8,
    result: { stored: 5, unchanged: 2, deduplicated: 1 },
    seconds: 0.1,
    attemptSeconds: 0.1,
  });
  ledger.settled(8);
  ledger.listen({ type: "dead-lettered", kind: "bar", cause: "refused", count: 2, reason: "bad" });
  ledger.settled(2);
  assertEquals(ledger.read(), {
    received: 10,
    stored: 5,
    inserted: 5,
    updated: 0,
    unchanged: 2,
    deduplicated: 1,
    deadLettered: 2,
    journaled: 0,
    inFlight: 0,
  });
  assertEquals(imbalance(ledger.read()), 0);
});

Deno.test("new and changed records are counted apart, until a sink cannot distinguish them", () => {
  const ledger = createLedger();
  const write = (stored: number, updated?: number | null) => {
    ledger.listen({
      type: "batch-written",
      kind: "bar",
      worker: 0,
      count: stored,
      result: { stored, unchanged: 0, deduplicated: 0, ...(updated === undefined ? {} : { updated }) },
      seconds: 0,
      attemptSeconds: 0,
    });
    const { inserted, updated: changed } = ledger.read();
    return [inserted, changed];
  };
  assertEquals(write(5), [5, 0]);
  assertEquals(write(4, 3), [6, 3]);
  assertEquals(write(2, null), [null, null]);
  assertEquals(write(2), [null, null]);
});

Deno.test("settled records that are nowhere to be found show", () => {
  const ledger = createLedger();
  ledger.listen(accepted);
  ledger.settled(10);
  assertEquals(imbalance(ledger.read()), 10);
});

Deno.test("a reading does not change afterwards", () => {
  const ledger = createLedger();
  const before = ledger.read();
  ledger.listen(accepted);
  assertEquals(before.received, 0);
});
