import { assert, assertEquals } from "@std/assert";
import type { Provider } from "../../src/providers/provider.ts";
import type { Frame } from "../../src/records/frame.ts";
import type { News } from "../../src/records/news.ts";
import { imbalance } from "../../src/pipeline/ledger.ts";
import { hang } from "../support/fake_sink.ts";
import { frameOf, makeBars, makeFrame, OPENING } from "../support/frames.ts";
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

/** A feed of news and bars by turns, 50 of each, until it is stopped. */
function mixedFeed(): Provider {
  let given = 0;
  return {
    name: "test",
    isLive: true,
    open: ({ stop, clock }) =>
      new ReadableStream<Frame>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          if (stop.aborted) return controller.close();
          const at = given++;
          const receivedAt = clock(50);
          if (at % 2 === 0) return controller.enqueue(makeFrame(makeBars(50, 50 * at), { receivedAt }));
          const records = Array.from({ length: 50 }, (_, place): News => ({
            provider: "test",
            symbol: "AAPL",
            ts: OPENING,
            id: String(50 * at + place),
            headline: "News",
            receivedAt: receivedAt + place,
          }));
          controller.enqueue(frameOf({ kind: "news", provider: "test", receivedAt, records }));
        },
      }, { highWaterMark: 0 }),
  };
}

for (const journal of ["overflow", "durable"] as const) {
  Deno.test(`${journal}: a kind whose sink hangs holds up no other, and its records are there for the next run`, async () => {
    const dataDir = await Deno.makeTempDir({ prefix: "barline-tenant-" });
    await using _directory = { [Symbol.asyncDispose]: () => Deno.remove(dataDir, { recursive: true }) };
    const kinds = ["bar", "news"];
    let waiting: number;
    {
      await using test = await testTenant({
        settings: { dataDir, journal, capacity: "200", drainTimeout: "0.05", circuitOpenMs: "50" },
        kinds,
        providers: [mixedFeed()],
        sink: (kind) => kind === "news" ? { write: hang } : {},
      });
      const running = test.tenant.run();
      const enough = Promise.withResolvers<void>();
      test.tenant.listen(({ type }) => {
        if (type === "committed" && test.sinks.get("bar")!.stored.length >= 20_000) enough.resolve();
      });
      await enough.promise;
      test.tenant.stop();
      const { ledger, failure } = await running;
      assertEquals([failure, ledger.inFlight, imbalance(ledger), test.sinks.get("news")!.stored.length], [
        undefined,
        0,
        0,
        0,
      ]);
      // What was in memory alone is kept too.
      assertEquals(ledger.deadLettered, 0);
      waiting = ledger.journaled;
      assert(waiting >= 19_000, `${waiting} wait`);
    }
    // A run of bars alone delivers them.
    await using next = await testTenant({ settings: { dataDir }, kinds: ["bar"] });
    const { ledger } = await next.tenant.run();
    assertEquals([ledger.received, ledger.stored, ledger.journaled], [waiting, waiting, 0]);
    // Bars that the short time for draining left are among them.
    const news = next.sinks.get("news")!.stored.length;
    assert(news >= 19_000, `${news} of news`);
    assertEquals(news + next.sinks.get("bar")!.stored.length, waiting);
  });
}
