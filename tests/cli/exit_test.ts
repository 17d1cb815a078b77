import { assertEquals } from "@std/assert";
import { endOf, EXIT, EXIT_CODES, type RunFacts } from "../../src/cli/exit.ts";
import { unreadOf } from "../../src/app/run.ts";

const ledger = {
  received: 5,
  stored: 2,
  inserted: 2,
  updated: 0,
  unchanged: 1,
  deduplicated: 1,
  deadLettered: 1,
  journaled: 0,
  inFlight: 0,
};
const calm: RunFacts = { outcome: { ledger }, signals: [], unread: "nothing", isStopped: false, isStrict: false };
const stopped = { signals: ["SIGTERM"], isStopped: true } as const;

/** How a run ends about which these facts differ from one that reads all. */
function end(facts: Partial<RunFacts>): [ended: string, code: number] {
  const { ended, code } = endOf({ ...calm, ...facts });
  return [ended, code];
}

Deno.test("a run that reads all its input is complete, also where the signal comes at its end", () => {
  assertEquals(end({}), ["complete", 0]);
  assertEquals(end(stopped), ["complete", 0]);
});

Deno.test("a signal before the end of an input gives its number, and 0 where a feed is stopped", () => {
  assertEquals(end({ ...stopped, unread: "input" }), ["stopped", 143]);
  assertEquals(end({ ...stopped, signals: ["SIGINT"], unread: "input" }), ["stopped", 130]);
  assertEquals(end({ ...stopped, unread: "feed" }), ["stopped", 0]);
  assertEquals(end({ isStopped: true, unread: "input" }), ["stopped", 0], "a drain over HTTP is no signal");
});

Deno.test("a second signal gives up, also a feed", () => {
  assertEquals(end({ isStopped: true, signals: ["SIGTERM", "SIGINT"], unread: "feed" }), ["failed", 130]);
  assertEquals(end({ isStopped: true, signals: ["SIGTERM", "SIGTERM"], unread: "input" }), ["failed", 143]);
});

Deno.test("the first of 4, 1, 5, 130 is the exit code if several apply", () => {
  const all: Partial<RunFacts> = { ...stopped, unread: "input", isStrict: true };
  const failure = new Error("x");
  assertEquals(end({ ...all, outcome: { ledger: { ...ledger, stored: 1 }, failure } }), ["failed", 4]);
  assertEquals(end({ ...all, outcome: { ledger: { ...ledger, stored: 1, dropped: 1 }, failure } }), ["failed", 4]);
  assertEquals(end({ ...all, outcome: { ledger: { ...ledger, stored: 1, swallowed: 1 } } }), ["stopped", 4]);
  assertEquals(end({ ...all, outcome: { ledger, failure } }), ["failed", 1]);
  assertEquals(end(all), ["stopped", 5]);
  assertEquals(end({ ...all, isStrict: false }), ["stopped", 143]);
});

Deno.test("an unfinished input counts before a feed", () => {
  const [feed, read, unread] = [{}, { isComplete: () => true }, { isComplete: () => false }];
  assertEquals([unreadOf([read]), unreadOf([feed, read]), unreadOf([feed, unread])], ["nothing", "feed", "input"]);
});

Deno.test("the table names each exit code once", () => {
  const named = EXIT_CODES.flatMap(({ codes }) => codes.split(", ").map(Number));
  assertEquals(named, Object.values(EXIT).toSorted((a, b) => a - b));
});
