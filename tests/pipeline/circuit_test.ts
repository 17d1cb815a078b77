import { assertEquals, assertRejects } from "@std/assert";
import type { CircuitState } from "../../src/events.ts";
import { type Circuit, type CircuitOptions, createCircuit } from "../../src/pipeline/circuit.ts";
import { fakeClock } from "../support/clock.ts";
import { settled } from "../support/streams.ts";

const away = new Error("away");
const poison = new Error("poison");
const never = new AbortController().signal;

const works = () => Promise.resolve("done");
const fails = () => Promise.reject(away);
const refuses = () => Promise.reject(poison);

/** A circuit that opens after 3 failures for 1000 ms, and the states it told of. */
function makeCircuit(options: Partial<CircuitOptions> = {}): { circuit: Circuit; states: CircuitState[] } {
  const states: CircuitState[] = [];
  const circuit = createCircuit({
    failures: 3,
    cooldownMs: () => 1000,
    isFailure: (error) => error === away,
    onChange: (state) => states.push(state),
    ...options,
  });
  return { circuit, states };
}

/** A call whose end is in the test's hands, and whether it has begun. */
function heldCall() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = { begun: false, resolve, reject, fn: () => (call.begun = true, promise) };
  return call;
}

async function open(circuit: Circuit): Promise<void> {
  for (let at = 0; at < 3; at++) await assertRejects(() => circuit.call(fails, never));
}

Deno.test("a closed circuit lets calls through and returns their results", async () => {
  const { circuit, states } = makeCircuit();
  assertEquals(await circuit.call(works, never), "done");
  assertEquals(await assertRejects(() => circuit.call(fails, never)), away);
  assertEquals([circuit.state, circuit.probeAt, states], ["closed", undefined, []]);
});

Deno.test("consecutive failures open a circuit", async () => {
  using _clock = fakeClock();
  const { circuit, states } = makeCircuit();
  await open(circuit);
  assertEquals([circuit.state, circuit.probeAt, states], ["open", 1000, ["open"]]);
});

Deno.test("each listener hears the count of failures and the last of them", async () => {
  using _clock = fakeClock();
  const told: unknown[] = [];
  const { circuit } = makeCircuit({ onChange: (...args) => told.push(args) });
  await open(circuit);
  assertEquals(told, [["open", 3, away]]);
});

Deno.test("a success between failures starts the count again", async () => {
  const { circuit } = makeCircuit();
  for (const fn of [fails, fails, works, fails, fails]) await circuit.call(fn, never).catch(() => {});
  assertEquals(circuit.state, "closed");
});

Deno.test("poison does not count, and starts the count again: the sink has answered", async () => {
  const { circuit } = makeCircuit();
  for (const fn of [refuses, refuses, refuses, refuses, fails, fails, refuses, fails, fails]) {
    await circuit.call(fn, never).catch(() => {});
  }
  assertEquals(circuit.state, "closed");
});

Deno.test("an open circuit costs no attempt: nothing is called before the cooldown ends", async () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  await open(circuit);
  const call = heldCall();
  const outcome = circuit.call(call.fn, never);
  await clock.tick(999);
  assertEquals([circuit.state, call.begun], ["open", false]);
  await clock.tick(1);
  assertEquals([circuit.state, call.begun, circuit.probeAt], ["half-open", true, undefined]);
  call.resolve("done");
  assertEquals(await outcome, "done");
});

Deno.test("a circuit without callers is half-open after the cooldown, and its next caller is the probe", async () => {
  using clock = fakeClock();
  const { circuit, states } = makeCircuit();
  await open(circuit);
  await clock.tick(1000);
  assertEquals(circuit.state, "half-open");
  assertEquals(await circuit.call(works, never), "done");
  assertEquals(states, ["open", "half-open", "closed"]);
});

Deno.test("exactly one of many waiting calls is the probe, and its success lets all through", async () => {
  using clock = fakeClock();
  const { circuit, states } = makeCircuit();
  await open(circuit);
  const calls = Array.from({ length: 50 }, heldCall);
  const outcomes = calls.map(({ fn }) => circuit.call(fn, never));
  await clock.tick(1000);
  assertEquals(calls.filter(({ begun }) => begun).length, 1);
  calls[0].resolve("probe");
  await settled();
  assertEquals(circuit.state, "closed");
  assertEquals(calls.filter(({ begun }) => begun).length, 50);
  for (const call of calls) call.resolve("done");
  await Promise.all(outcomes);
  assertEquals(states, ["open", "half-open", "closed"]);
});

Deno.test("a call during a probe waits for it", async () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  await open(circuit);
  await clock.tick(1000);
  const [probe, late] = [heldCall(), heldCall()];
  const outcomes = [circuit.call(probe.fn, never), circuit.call(late.fn, never)];
  await settled();
  assertEquals([probe.begun, late.begun], [true, false]);
  probe.resolve("probe");
  late.resolve("late");
  assertEquals(await Promise.all(outcomes), ["probe", "late"]);
});

Deno.test("a probe that fails opens the circuit for another whole cooldown, one probe each", async () => {
  using clock = fakeClock();
  const { circuit, states } = makeCircuit();
  await open(circuit);
  let attempts = 0;
  const fn = () => (attempts++, Promise.reject(away));
  const outcomes = Array.from({ length: 10 }, () => assertRejects(() => circuit.call(fn, never)));
  for (let cooldown = 1; cooldown <= 10; cooldown++) {
    await clock.tick(999);
    assertEquals(attempts, cooldown - 1);
    await clock.tick(1);
    assertEquals([attempts, circuit.state, circuit.probeAt], [cooldown, "open", clock.now + 1000]);
  }
  await Promise.all(outcomes);
  assertEquals(states.length, 21);
});

Deno.test("a probe that meets poison closes the circuit: the sink has answered", async () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  await open(circuit);
  await clock.tick(1000);
  await assertRejects(() => circuit.call(refuses, never));
  assertEquals(circuit.state, "closed");
});

Deno.test("after recovery the whole number of failures is needed again", async () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  await open(circuit);
  await clock.tick(1000);
  await circuit.call(works, never);
  for (const _ of [1, 2]) await assertRejects(() => circuit.call(fails, never));
  assertEquals(circuit.state, "closed");
  await assertRejects(() => circuit.call(fails, never));
  assertEquals(circuit.state, "open");
});

Deno.test("failures that come late do not lengthen the cooldown", async () => {
  using clock = fakeClock();
  const { circuit, states } = makeCircuit();
  const late = Array.from({ length: 5 }, heldCall);
  const outcomes = late.map(({ fn }) => assertRejects(() => circuit.call(fn, never)));
  await open(circuit);
  await clock.tick(500);
  for (const { reject } of late) reject(away);
  await Promise.all(outcomes);
  assertEquals([circuit.probeAt, states], [1000, ["open"]]);
  await clock.tick(500);
  assertEquals(circuit.state, "half-open");
});

Deno.test("a success that comes late does not close an open circuit", async () => {
  using _clock = fakeClock();
  const { circuit } = makeCircuit();
  const late = heldCall();
  const outcome = circuit.call(late.fn, never);
  await open(circuit);
  late.resolve("late");
  assertEquals(await outcome, "late");
  assertEquals(circuit.state, "open");
});

Deno.test("an abort ends the wait, and the others keep waiting", async () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  await open(circuit);
  const abort = new AbortController();
  const [given, patient] = [heldCall(), heldCall()];
  const givenUp = assertRejects(() => circuit.call(given.fn, abort.signal), Error, "deadline");
  const outcome = circuit.call(patient.fn, never);
  abort.abort(new Error("deadline"));
  await givenUp;
  await clock.tick(1000);
  assertEquals([given.begun, patient.begun], [false, true]);
  patient.resolve("done");
  await outcome;
});

Deno.test("after its abort a caller is not let through even by a closed circuit", async () => {
  const { circuit } = makeCircuit();
  const call = heldCall();
  await assertRejects(() => circuit.call(call.fn, AbortSignal.abort(new Error("deadline"))), Error, "deadline");
  assertEquals(call.begun, false);
});

Deno.test("a probe that is given up leaves the place to the next caller", async () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  await open(circuit);
  await clock.tick(1000);
  const abort = new AbortController();
  const [probe, next] = [heldCall(), heldCall()];
  const givenUp = assertRejects(() => circuit.call(probe.fn, abort.signal));
  const outcome = circuit.call(next.fn, never);
  abort.abort(new Error("deadline"));
  probe.reject(abort.signal.reason);
  await givenUp;
  await settled();
  assertEquals([circuit.state, next.begun], ["half-open", true]);
  next.resolve("done");
  await outcome;
  assertEquals(circuit.state, "closed");
});

Deno.test("calls that are given up do not count", async () => {
  const { circuit } = makeCircuit({ isFailure: () => true });
  for (let at = 0; at < 5; at++) {
    const abort = new AbortController();
    await circuit.call(() => (abort.abort(), fails()), abort.signal).catch(() => {});
  }
  assertEquals(circuit.state, "closed");
});

Deno.test("a circuit can be tripped, once, at any count", async () => {
  using clock = fakeClock();
  const { circuit, states } = makeCircuit();
  circuit.trip(away);
  await clock.tick(500);
  circuit.trip(away);
  assertEquals([circuit.probeAt, states], [1000, ["open"]]);
  await clock.tick(500);
  circuit.trip(away);
  assertEquals(circuit.state, "half-open");
});

Deno.test("probe() ends the cooldown of an open circuit, and does nothing to another", async () => {
  using clock = fakeClock();
  const { circuit, states } = makeCircuit();
  circuit.probe();
  assertEquals(circuit.state, "closed");
  circuit.trip(away);
  const call = heldCall();
  const outcome = circuit.call(call.fn, never);
  circuit.probe();
  circuit.probe();
  await settled();
  assertEquals([circuit.state, call.begun], ["half-open", true]);
  call.resolve("done");
  await outcome;
  assertEquals(states, ["open", "half-open", "closed"]);
  assertEquals(clock.timers, 0);
});

Deno.test("a disposed circuit leaves no timer behind", () => {
  using clock = fakeClock();
  const { circuit } = makeCircuit();
  circuit.trip(away);
  assertEquals(clock.timers, 1);
  circuit[Symbol.dispose]();
  assertEquals(clock.timers, 0);
});
