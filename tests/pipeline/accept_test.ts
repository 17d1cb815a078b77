import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { accept, type AcceptOptions } from "../../src/pipeline/accept.ts";
import { createLedger } from "../../src/pipeline/ledger.ts";
import type { Frame } from "../../src/records/frame.ts";
import { frameSize } from "../../src/records/frame.ts";
import { makeFrame, makeFrames } from "../support/frames.ts";
import { eventLog } from "../support/letters.ts";
import { collect, forever, settled, sourceOf } from "../support/streams.ts";

/** A gate with its ledger, and how often it told that the limit is reached. */
function makeGate(options: Partial<AcceptOptions> = {}) {
  const ledger = createLedger();
  const events = eventLog();
  const gate = {
    ledger,
    events,
    limits: 0,
    stream: accept({
      limit: Infinity,
      ledger,
      tell: (event) => {
        ledger.listen(event);
        events.tell(event);
      },
      onLimit: () => void gate.limits++,
      ...options,
    }),
  };
  return gate;
}

const sizes = (frames: readonly Frame[]) => frames.map(frameSize);

Deno.test("accepted frames are counted, and told per frame", async () => {
  const { stream, ledger, events, ...gate } = makeGate();
  await collect(sourceOf(makeFrames([3, 2])).stream.pipeThrough(stream));
  assertEquals(events.of("accepted").map(({ kind, provider, count }) => [kind, provider, count]), [
    ["bar", "test", 3],
    ["bar", "test", 2],
  ]);
  assertEquals([ledger.read().received, ledger.read().inFlight, gate.limits], [5, 5, 0]);
});

Deno.test("what is settled leaves the ledger, and reaches the provider's own count", async () => {
  let reached = 0;
  const { stream, ledger } = makeGate();
  const source = sourceOf([makeFrame(3, { onSettled: () => reached++ })]);
  const [frame] = await collect(source.stream.pipeThrough(stream));
  frame.settle(2);
  assertEquals([ledger.read().inFlight, reached], [1, 0]);
  frame.settle(1);
  assertEquals([ledger.read().inFlight, reached], [0, 1]);
});

Deno.test("rejected items are accepted too: they must be accounted for", async () => {
  const { stream, ledger } = makeGate();
  const frame = makeFrame(1, { rejected: [{ reason: "bad", item: 1 }, { reason: "bad", item: 2 }] });
  await collect(sourceOf([frame]).stream.pipeThrough(stream));
  assertEquals(ledger.read().received, 3);
});

Deno.test("the limit is exact, wherever it falls", async () => {
  const shape = fc.record({ records: fc.nat({ max: 20 }), rejected: fc.nat({ max: 5 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(shape, { minLength: 1 }), fc.integer({ min: 1, max: 200 }), async (shapes, limit) => {
      const frames = shapes.map(({ records, rejected }) =>
        makeFrame(records, { rejected: Array.from({ length: rejected }, (_, item) => ({ reason: "bad", item })) })
      );
      const total = sizes(frames).reduce((sum, size) => sum + size, 0);
      const gate = makeGate({ limit });
      const given = await collect(sourceOf(frames).stream.pipeThrough(gate.stream));
      const accepted = Math.min(limit, total);
      assertEquals(sizes(given).reduce((sum, size) => sum + size, 0), accepted);
      assertEquals(gate.ledger.read().received, accepted);
      assertEquals(gate.limits, total >= limit ? 1 : 0);
    }),
  );
});

Deno.test("a frame that the limit cuts never settles as a whole, so that its source will read it again", async () => {
  let settledWhole = false;
  const gate = makeGate({ limit: 2 });
  const source = sourceOf([makeFrame(3, { onSettled: () => settledWhole = true })]);
  const [frame] = await collect(source.stream.pipeThrough(gate.stream));
  frame.settle(2);
  assertEquals([gate.ledger.read().inFlight, settledWhole], [0, false]);
});

Deno.test("a cut frame keeps its first records", async () => {
  const gate = makeGate({ limit: 2 });
  const whole = makeFrame(3, { lines: [5, 6, 7], source: "a.csv" });
  const [frame] = await collect(sourceOf([whole]).stream.pipeThrough(gate.stream));
  assertEquals(frame.records, whole.records.slice(0, 2));
  assertEquals([frame.source, frame.lines?.slice(0, 2), frame.rejected], ["a.csv", [5, 6], []]);
});

Deno.test("the limit cancels the source", async () => {
  const gate = makeGate({ limit: 5 });
  const source = sourceOf(forever(() => makeFrame(2)));
  assertEquals(sizes(await collect(source.stream.pipeThrough(gate.stream))), [2, 2, 1]);
  await source.cancelled;
});

Deno.test("a gate that nobody reads holds two frames", async () => {
  const source = sourceOf(forever(() => makeFrame(1)));
  const gate = makeGate();
  source.stream.pipeThrough(gate.stream);
  await settled();
  assert(source.pulled <= 2, `pulled ${source.pulled}`);
  assertEquals(gate.ledger.read().received, 0);
});

Deno.test("cancelling what comes out of the gate reaches the source", async () => {
  const source = sourceOf(forever(() => makeFrame(1)));
  const reader = source.stream.pipeThrough(makeGate().stream).getReader();
  await reader.read();
  await reader.cancel("enough");
  assertEquals(await source.cancelled, "enough");
});

Deno.test("the last frame comes out before the end", async () => {
  const { stream } = makeGate();
  assertEquals(sizes(await collect(sourceOf(makeFrames([1, 1, 7])).stream.pipeThrough(stream))), [1, 1, 7]);
});
