import { assert, assertEquals } from "@std/assert";
import { accept } from "../../src/pipeline/accept.ts";
import { createLedger } from "../../src/pipeline/ledger.ts";
import type { Frame } from "../../src/records/frame.ts";
import { frameSize } from "../../src/records/frame.ts";
import { makeFrame, makeFrames } from "../support/frames.ts";
import { eventLog } from "../support/letters.ts";
import { collect, forever, settled, sourceOf } from "../support/streams.ts";

/** A gate with its ledger. */
function makeGate() {
  const ledger = createLedger();
  const events = eventLog();
  const gate = {
    ledger,
    events,
    stream: accept({
      ledger,
      emit: (event) => {
        ledger.listen(event);
        events.emit(event);
      },
    }),
  };
  return gate;
}

const sizes = (frames: readonly Frame[]) => frames.map(frameSize);

Deno.test("accepted frames are counted, and reported per frame", async () => {
  const { stream, ledger, events } = makeGate();
  await collect(sourceOf(makeFrames([3, 2])).stream.pipeThrough(stream));
  assertEquals(events.of("accepted").map(({ kind, provider, count }) => [kind, provider, count]), [
    ["bar", "test", 3],
    ["bar", "test", 2],
  ]);
  assertEquals([ledger.read().received, ledger.read().inFlight], [5, 5]);
});

Deno.test("settled records leave the ledger, and reach the provider's own count", async () => {
  let reached = 0;
  const { stream, ledger } = makeGate();
  const source = sourceOf([makeFrame(3, { onSettled: () => reached++ })]);
  const [frame] = await collect(source.stream.pipeThrough(stream));
  frame.ack("committed", 2);
  assertEquals([ledger.read().inFlight, reached], [1, 0]);
  frame.ack("committed", 1);
  assertEquals([ledger.read().inFlight, reached], [0, 1]);
});

Deno.test("rejected items are accepted too: they must be accounted for", async () => {
  const { stream, ledger } = makeGate();
  const frame = makeFrame(1, { rejected: [{ reason: "bad", item: 1 }, { reason: "bad", item: 2 }] });
  await collect(sourceOf([frame]).stream.pipeThrough(stream));
  assertEquals(ledger.read().received, 3);
});

Deno.test("a gate without a reader holds two frames", async () => {
  const source = sourceOf(forever(() => makeFrame(1)));
  const gate = makeGate();
  source.stream.pipeThrough(gate.stream);
  await settled();
  assert(source.pulled <= 2, `pulled ${source.pulled}`);
  assertEquals(gate.ledger.read().received, 0);
});

Deno.test("cancelling the output of the gate reaches the source", async () => {
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

Deno.test("records left to their source are out of flight, and count as journaled", async () => {
  const { stream, ledger } = makeGate();
  const left: number[] = [];
  const frame: Frame = { ...makeFrame(5), ack: (outcome, count) => void (outcome === "requeued" && left.push(count)) };
  const [accepted] = await collect(sourceOf([frame]).stream.pipeThrough(stream));
  accepted.ack("committed", 2);
  accepted.ack("requeued", 3);
  assertEquals(left, [3]);
  assertEquals([ledger.read().inFlight, ledger.read().journaled], [0, 3]);
});
