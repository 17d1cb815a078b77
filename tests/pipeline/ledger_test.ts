import { assertEquals } from "@std/assert";
import { createLedger, imbalance } from "../../src/pipeline/ledger.ts";

const accepted = { type: "accepted", kind: "bar", provider: "test", count: 10 } as const;

Deno.test("an empty ledger balances", () => assertEquals(imbalance(createLedger().read()), 0));

Deno.test("what is accepted is in flight until it is settled", () => {
  const ledger = createLedger();
  ledger.listen(accepted);
  assertEquals([ledger.read().received, ledger.read().inFlight, imbalance(ledger.read())], [10, 10, 0]);
});

Deno.test("the ledger balances when all that is settled is somewhere", () => {
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
    unchanged: 2,
    deduplicated: 1,
    deadLettered: 2,
    journaled: 0,
    inFlight: 0,
  });
  assertEquals(imbalance(ledger.read()), 0);
});

Deno.test("what is settled and nowhere to be found shows", () => {
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
