import { assertEquals } from "@std/assert";
import { hang } from "../support/fake_sink.ts";
import { makeFrame } from "../support/frames.ts";
import { sourceOf } from "../support/streams.ts";
import { testTenant } from "../support/tenant.ts";

Deno.test("a stop before the sources are opened ends within the drain timeout", async () => {
  await using test = await testTenant({
    settings: { drainTimeout: "0.05" },
    providers: [{ name: "test", open: () => sourceOf([makeFrame(10)]).stream }],
    sink: () => ({ write: hang }),
    // As the signal that comes while a start is busy.
    begin: (tenant) => Promise.resolve(tenant.stop()),
  });
  const { ledger } = await test.tenant.run();
  assertEquals([ledger.received, ledger.deadLettered, ledger.inFlight], [10, 10, 0]);
  assertEquals(test.letters.length, 10);
});
