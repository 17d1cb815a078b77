import { assertEquals } from "@std/assert";
import { goesOnFromMemory, type JournalFacts, stateOf } from "../../src/pipeline/journal/state.ts";

const FACTS: JournalFacts = {
  mode: "overflow",
  sourcesCanWait: false,
  isCircuitClosed: true,
  capacity: 100,
  ready: 0,
  gathered: 0,
  syncing: 0,
  isGroupIdle: true,
  unread: 0,
};
const state = (facts: Partial<JournalFacts>) => stateOf({ ...FACTS, ...facts });

Deno.test("in mode overflow frames go through memory until it is full, the circuit opens, or something lies on disk", () => {
  assertEquals(state({ ready: 99 }), "memory");
  assertEquals(state({ ready: 100 }), "spooling");
  assertEquals(state({ isCircuitClosed: false }), "spooling");
  assertEquals(state({ isGroupIdle: false, syncing: 1 }), "spooling");
  assertEquals(state({ unread: 1 }), "draining");
});

Deno.test("in mode durable no frame goes past the disk", () => {
  assertEquals(state({ mode: "durable" }), "spooling");
  assertEquals(state({ mode: "durable", unread: 1 }), "draining");
});

Deno.test("sources that can wait are held back while the circuit is closed, and spool while it is open", () => {
  const waits = { sourcesCanWait: true };
  assertEquals(state({ ...waits, ready: 100 }), "holding");
  assertEquals(state({ ...waits, ready: 100, isCircuitClosed: false }), "spooling");
  assertEquals(state({ ...waits, mode: "durable", ready: 150, syncing: 49 }), "spooling");
  assertEquals(state({ ...waits, mode: "durable", ready: 150, syncing: 50 }), "holding");
  assertEquals(state({ ...waits, mode: "durable", unread: 1 }), "holding");
  assertEquals(state({ ...waits, mode: "durable", unread: 1, isCircuitClosed: false }), "draining");
});

Deno.test("a group as large as memory holds every source until it is synced", () => {
  assertEquals(state({ gathered: 100, isGroupIdle: false }), "holding");
});

Deno.test("a synced group continues from memory if there is room, and always if its source was blocked", () => {
  assertEquals(goesOnFromMemory({ ...FACTS, ready: 100 }), true);
  assertEquals(goesOnFromMemory({ ...FACTS, ready: 101 }), false);
  assertEquals(goesOnFromMemory({ ...FACTS, ready: 101, sourcesCanWait: true }), true);
  assertEquals(goesOnFromMemory({ ...FACTS, ready: 101, sourcesCanWait: true, isCircuitClosed: false }), false);
});
