import { assertEquals, assertRejects } from "@std/assert";
import type { FailoverCause, FeedState, PipelineEvent } from "../../src/events.ts";
import { createFailover } from "../../src/providers/failover.ts";
import type { Provider, ProviderContext } from "../../src/providers/provider.ts";
import type { Frame } from "../../src/records/frame.ts";
import { fakeClock } from "../support/clock.ts";
import { makeFrame } from "../support/frames.ts";
import { makeDirectory } from "../support/providers.ts";
import { type ManualSource, manualSource } from "../support/streams.ts";
import { createContext } from "./conformance.ts";

const BACK_MS = 1000;
const AFTER_MS = 5000;

/** A provider that does what the test says, once for each time it is opened. */
interface Actor {
  readonly provider: Provider;
  readonly openings: { context: ProviderContext; source: ManualSource<Frame> }[];
  state(state: FeedState): void;
  lost(reason: string): void;
  /** Hands over a frame, which is told as live bars. */
  bars(): void;
  fail(error: Error): void;
  readonly isOpen: boolean;
}

function createActor(name: string): Actor {
  const openings: Actor["openings"] = [];
  let isOpen = false;
  const now = () => openings.at(-1)!;
  const emit = (event: PipelineEvent) => now().context.emit(event);
  return {
    openings,
    provider: {
      name,
      open(context) {
        const source = manualSource<Frame>();
        openings.push({ context, source });
        isOpen = true;
        const end = () => {
          isOpen = false;
          emit({ type: "feed-state", provider: name, state: "ended" });
        };
        context.stop.addEventListener("abort", () => {
          if (!isOpen) return;
          end();
          try {
            source.end();
          } catch {
            // It has been cancelled in the same breath.
          }
        });
        source.cancelled.then(end);
        return source.stream;
      },
    },
    state: (state) => emit({ type: "feed-state", provider: name, state }),
    lost: (reason) => emit({ type: "feed-lost", provider: name, reason, error: new Error(reason) }),
    bars() {
      now().source.give(makeFrame(1, { provider: name }));
      const counts = { final: 1, provisional: 0, correction: 0 };
      emit({ type: "bars", provider: name, source: "live", counts, newest: 0 });
    },
    fail(error) {
      isOpen = false;
      emit({ type: "feed-state", provider: name, state: "failed" });
      now().source.fail(error);
    },
    get isOpen() {
      return isOpen;
    },
  };
}

/** A group of actors on a clock that stands still. */
async function startActors(count: number) {
  const clock = fakeClock();
  const directory = await makeDirectory();
  const actors = ["a", "b", "c"].slice(0, count).map(createActor);
  const context = createContext();
  const events: PipelineEvent[] = [];
  const group = createFailover({
    members: actors.map(({ provider }) => provider),
    dataDir: directory.path,
    timeframe: "1m",
    afterMs: AFTER_MS,
    backMs: BACK_MS,
  });
  const reader = group.open({ ...context, emit: (event) => void events.push(event) }).getReader();
  const got: string[] = [];
  const reading = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) got.push(next.value.provider);
  })();
  reading.catch(() => {});
  await clock.tick(0);
  return {
    actors,
    clock,
    context,
    reader,
    reading,
    got,
    changes: () =>
      events.flatMap((event) =>
        event.type === "failover" ? [`${event.provider}${event.cause ? ` ${event.cause}` : ""}`] : []
      ),
    open: () => actors.filter(({ isOpen }) => isOpen).map(({ provider }) => provider.name),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      clock[Symbol.dispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

Deno.test("only the first is opened while it is well, and its frames come through", async () => {
  await using group = await startActors(2);
  const [a] = group.actors;
  a.state("live");
  a.bars();
  await group.clock.tick(10 * AFTER_MS);
  assertEquals([group.got, group.open(), group.changes()], [["a"], ["a"], ["a"]]);
});

const failures: [FailoverCause, (actor: Actor) => void, number][] = [
  ["stall", (actor) => actor.lost("stall"), 0],
  ["unconnected", (actor) => actor.state("waiting"), AFTER_MS],
  ["fatal", (actor) => actor.fail(new Error("refused")), 0],
];
for (const [cause, fail, ms] of failures) {
  Deno.test(`the next one takes over: ${cause}`, async () => {
    await using group = await startActors(2);
    const [a, b] = group.actors;
    a.state("live");
    fail(a);
    await group.clock.tick(Math.max(0, ms - 1));
    await group.clock.tick(1);
    assertEquals(group.changes(), ["a", `b ${cause}`]);
    b.bars();
    await group.clock.tick(0);
    assertEquals(group.got, ["b"]);
  });
}

Deno.test("a connection that is back in time, or given up for the pipeline's sake, changes nothing", async () => {
  await using group = await startActors(2);
  const [a] = group.actors;
  a.state("live");
  a.lost("closed");
  a.state("waiting");
  await group.clock.tick(AFTER_MS - 1);
  a.state("connecting");
  a.state("live");
  a.lost("overflow");
  a.state("waiting");
  await group.clock.tick(10 * AFTER_MS);
  assertEquals(group.changes(), ["a"]);
  a.state("connecting");
  await group.clock.tick(AFTER_MS);
  assertEquals(group.changes(), ["a", "b unconnected"]);
});

Deno.test("a provider that returns and soon fails again has to be well for twice as long the next time", async () => {
  await using group = await startActors(2);
  const [a, b] = group.actors;
  a.state("live");
  /** How long `a` has to have bars until it delivers again. */
  async function provenAfter(): Promise<number> {
    a.lost("stall");
    await group.clock.tick(0);
    b.state("live");
    a.state("connecting");
    a.state("live");
    const before = group.changes().length;
    let ms = 0;
    for (a.bars(); group.changes().length === before; ms += 100) {
      await group.clock.tick(100);
      a.bars();
    }
    await group.clock.tick(0);
    return ms;
  }
  assertEquals([await provenAfter(), await provenAfter(), await provenAfter()], [BACK_MS, 2 * BACK_MS, 4 * BACK_MS]);
  await group.clock.tick(20 * 60_000);
  assertEquals(await provenAfter(), BACK_MS);
  assertEquals(group.open(), ["a"]);
});

Deno.test("bars of an earlier connection prove nothing", async () => {
  await using group = await startActors(2);
  const [a, b] = group.actors;
  a.lost("stall");
  await group.clock.tick(0);
  b.state("live");
  for (let round = 0; round < 5; round++) {
    a.state("live");
    a.bars();
    await group.clock.tick(BACK_MS - 1);
    a.state("waiting");
  }
  assertEquals(group.changes(), ["a", "b stall"]);
});

Deno.test("among three, all before the delivering one are watched, and all after it are closed", async () => {
  await using group = await startActors(3);
  const [a, b, c] = group.actors;
  a.lost("stall");
  await group.clock.tick(0);
  b.lost("stall");
  await group.clock.tick(0);
  c.state("live");
  assertEquals([group.changes(), group.open()], [["a", "b stall", "c stall"], ["a", "b", "c"]]);
  b.state("live");
  b.bars();
  await group.clock.tick(BACK_MS);
  b.bars();
  await group.clock.tick(0);
  assertEquals([group.changes().at(-1), group.open(), group.got], ["b returned", ["a", "b"], ["b", "b"]]);
  b.lost("stall");
  await group.clock.tick(0);
  assertEquals([group.changes().at(-1), group.open(), c.openings.length], ["c stall", ["a", "b", "c"], 2]);
});

Deno.test("without a standby, the first provider that is connected again delivers", async () => {
  await using group = await startActors(2);
  const [a, b] = group.actors;
  a.state("waiting");
  await group.clock.tick(AFTER_MS);
  b.fail(new Error("refused"));
  await group.clock.tick(0);
  assertEquals(group.changes(), ["a", "b unconnected"]);
  a.state("live");
  a.bars();
  await group.clock.tick(0);
  assertEquals([group.changes(), group.got], [["a", "b unconnected", "a fatal"], ["a"]]);
});

Deno.test("the group fails with its last provider, also one that was only watched", async () => {
  await using group = await startActors(2);
  const [a, b] = group.actors;
  a.state("waiting");
  await group.clock.tick(AFTER_MS);
  b.fail(new Error("b is refused"));
  await group.clock.tick(0);
  a.fail(new Error("a is refused"));
  await assertRejects(
    () => group.reading,
    AggregateError,
    "No provider of a,b is left. a: a is refused. b: b is refused",
  );
});

Deno.test("a watched provider that holds too much is opened again, and drops its frames", async () => {
  await using group = await startActors(2);
  const [a, b] = group.actors;
  a.state("live");
  a.lost("stall");
  await group.clock.tick(0);
  b.state("live");
  a.state("live");
  a.bars();
  a.lost("overflow");
  await group.clock.tick(0);
  assertEquals([a.openings.length, a.isOpen], [2, true]);
  a.state("live");
  a.bars();
  await group.clock.tick(BACK_MS);
  a.bars();
  await group.clock.tick(0);
  assertEquals([group.changes().at(-1), group.got], ["a returned", ["a", "a"]]);
});

Deno.test("a stop closes all, after the frames of the delivering one", async () => {
  await using group = await startActors(2);
  const [a, b] = group.actors;
  a.lost("stall");
  await group.clock.tick(0);
  b.bars();
  a.bars();
  group.context.stopping.abort();
  await group.reading;
  assertEquals([group.got, group.open()], [["b"], []]);
});

Deno.test("cancelling closes all", async () => {
  await using group = await startActors(2);
  const [a] = group.actors;
  a.lost("stall");
  await group.clock.tick(0);
  assertEquals(group.open(), ["a", "b"]);
  await group.reader.cancel("enough");
  await group.clock.tick(0);
  assertEquals(group.open(), []);
});
