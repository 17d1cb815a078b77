import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { TenantOptions } from "../../src/app/tenant.ts";
import { createTenants, type Tenants } from "../../src/app/tenants.ts";
import type { DeadLetters } from "../../src/dead_letters/write.ts";
import { imbalance } from "../../src/pipeline/ledger.ts";
import type { Frame } from "../../src/records/frame.ts";
import { hang } from "../support/fake_sink.ts";
import { makeFrames } from "../support/frames.ts";
import { memoryLetters } from "../support/letters.ts";
import { configOf, memoryStore } from "../support/tenant.ts";

/** A run of one tenant whose feed gives 300 bars, and whose first sink never answers. */
async function startRun() {
  const dataDir = await Deno.makeTempDir({ prefix: "barline-tenants-" });
  const accepted = Promise.withResolvers<void>();
  let opened = 0;
  const { store, sinks } = memoryStore(() => opened++ === 0 ? { write: hang } : {});
  const notices: string[] = [];
  const tenants = createTenants({ store }, new AbortController().signal, (message) => notices.push(message));
  let count = 0;
  const options: TenantOptions = {
    config: configOf({ dataDir, journal: "durable", drainTimeout: "0.05" }),
    kinds: ["bar"],
    providers: [{
      name: "test",
      isLive: true,
      open: ({ stop }) =>
        new ReadableStream<Frame>({
          start(controller) {
            for (const frame of makeFrames([100, 100, 100])) controller.enqueue(frame);
            stop.addEventListener("abort", () => controller.close(), { once: true });
          },
        }),
    }],
    deadLetters: memoryLetters,
    listeners: [(event) => {
      if (event.type === "accepted" && (count += event.count) === 300) accepted.resolve();
    }],
  };
  await tenants.add([options]);
  const running = tenants.run();
  await accepted.promise;
  return {
    tenants,
    options,
    sinks,
    /** Lets the tenants end, and gives how that was. */
    async end(tenants: Tenants) {
      for (const tenant of tenants.current()) tenant.stop();
      return (await running).get("default")!;
    },
    async [Symbol.asyncDispose]() {
      await tenants[Symbol.asyncDispose]();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

/** Waits until the bars are stored: the time for draining is too short to rely on. */
async function allStored(tenants: Tenants): Promise<void> {
  while (tenants.ledger().stored < 300) await new Promise((resolve) => setTimeout(resolve, 5));
}

const broken = (): DeadLetters => {
  throw new Error("no room for dead letters");
};

Deno.test("the ledger of a tenant continues when it is opened again: journaled records are received once", async () => {
  await using run = await startRun();
  const { tenants, options, sinks } = run;
  {
    using _hold = tenants.hold();
    await tenants.reopen(tenants.get("default")!, { ...options, providers: [] });
  }
  await allStored(tenants);
  const { ledger, failure } = await run.end(tenants);
  assertEquals([failure, ledger.received, ledger.stored, ledger.journaled], [undefined, 300, 300, 0]);
  assertEquals([imbalance(ledger), tenants.ledger(), sinks.get("bar")!.stored.length], [0, ledger, 300]);
});

Deno.test("the ledger of a tenant that comes back after its removal continues too", async () => {
  await using run = await startRun();
  const { tenants, options } = run;
  {
    using _hold = tenants.hold();
    await tenants.remove(tenants.get("default")!);
    assertEquals([tenants.current(), tenants.ledger().journaled], [[], 300]);
    await tenants.add([{ ...options, providers: [] }]);
  }
  await allStored(tenants);
  const { ledger } = await run.end(tenants);
  assertEquals([ledger.received, ledger.stored, ledger.journaled], [300, 300, 0]);
});

Deno.test("a tenant that cannot be opened again continues with its former settings", async () => {
  await using run = await startRun();
  const { tenants, options } = run;
  {
    using _hold = tenants.hold();
    const { message } = await assertRejects(
      () => tenants.reopen(tenants.get("default")!, { ...options, deadLetters: broken }),
      Error,
    );
    assertStringIncludes(message, "no room for dead letters. It runs on with its former settings");
  }
  await allStored(tenants);
  assertEquals(tenants.get("default")!.state, "running");
  const { ledger, failure } = await run.end(tenants);
  assertEquals([failure, imbalance(ledger)], [undefined, 0]);
});

Deno.test("a tenant that cannot be opened in either way has failed, and is not taken for one that is done", async () => {
  await using run = await startRun();
  const { tenants, options } = run;
  const [tenant] = tenants.current();
  {
    using _hold = tenants.hold();
    // The former settings cannot be used any more either.
    Object.assign(options, { deadLetters: broken });
    await assertRejects(
      () => tenants.reopen(tenant, { ...options }),
      Error,
      "It cannot be opened with its former settings either",
    );
  }
  const { failure, ledger } = await run.end(tenants);
  assertStringIncludes((failure as Error).message, "no room for dead letters");
  assertEquals([ledger.received, ledger.journaled, imbalance(ledger)], [300, 300, 0]);
});
