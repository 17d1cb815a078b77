import { assertEquals, assertRejects } from "@std/assert";
import { createPauseGate } from "../../src/pipeline/pause_gate.ts";
import { settled } from "../support/streams.ts";

/** A source of numbers that counts how many were asked for. */
function counting() {
  const state = { pulled: 0, cancelled: undefined as unknown };
  const stream = new ReadableStream<number>({
    pull: (controller) => controller.enqueue(state.pulled++),
    cancel: (reason) => void (state.cancelled = reason),
  }, { highWaterMark: 0 });
  return { state, stream };
}

Deno.test("an open gate lets the requested chunks through, and no more", async () => {
  const { state, stream } = counting();
  const reader = createPauseGate(stream).stream.getReader();
  assertEquals(state.pulled, 0);
  assertEquals([(await reader.read()).value, (await reader.read()).value, state.pulled], [0, 1, 2]);
});

Deno.test("a closed gate reads nothing until it is opened, and then nothing is missing", async () => {
  const { state, stream } = counting();
  const gate = createPauseGate(stream);
  const reader = gate.stream.getReader();
  gate.pause();
  assertEquals(gate.isPaused, true);
  let isRead = false;
  const next = reader.read().finally(() => isRead = true);
  for (let round = 0; round < 20; round++) await settled();
  assertEquals([isRead, state.pulled], [false, 0]);
  gate.resume();
  assertEquals([(await next).value, (await reader.read()).value, gate.isPaused], [0, 1, false]);
});

Deno.test("cancelling reaches the source, also while the gate is closed", async () => {
  const { state, stream } = counting();
  const gate = createPauseGate(stream);
  gate.pause();
  const reader = gate.stream.getReader();
  const next = reader.read();
  await reader.cancel("enough");
  assertEquals([state.cancelled, (await next).done], ["enough", true]);
});

Deno.test("the end and the failure of the source come through", async () => {
  assertEquals(await Array.fromAsync(createPauseGate(ReadableStream.from([1, 2])).stream), [1, 2]);
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("broken")) });
  await assertRejects(() => Array.fromAsync(createPauseGate(broken).stream), Error, "broken");
});
