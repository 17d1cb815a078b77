import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Member } from "../../src/cluster/lease.ts";
import { makePlan } from "../../src/cluster/plan.ts";
import { shardOf } from "../../src/records/shard.ts";

const REPORT = { host: "h", pid: 1, version: "0", startedAt: 0, holdMs: 1, isLeaving: false, waiting: 0 };

/** A member; its id is its name. */
const member = (id: string, held: number[], more: Partial<Member["report"]> & { isAlive?: boolean } = {}): Member => ({
  id,
  held,
  silentMs: 0,
  isAlive: more.isAlive ?? true,
  report: { ...REPORT, instance: id, shards: 4, ...more },
});

const plan = (members: Member[], id: string, { shards = 4, blocked = [] as number[], isSettled = true } = {}) =>
  makePlan({ membership: { members, blocked: new Set(blocked) }, id, shards, isSettled });

Deno.test("a lone instance claims all shards, except those whose last holder may not know that it lost them", () => {
  assertEquals(plan([member("a", [])], "a", { blocked: [2] }), { claim: [0, 1, 3] });
});

Deno.test("instances claim free shards up to their part, each from another end", () => {
  const both = [member("a", []), member("b", [])];
  assertEquals([plan(both, "a"), plan(both, "b")], [{ claim: [0, 1] }, { claim: [2, 3] }]);
});

Deno.test("an instance that is lost or leaving gets no part, and its shards stay with it while it has them", () => {
  assertEquals(plan([member("a", [0, 1]), member("b", [2, 3], { isLeaving: true })], "a").claim, []);
  assertEquals(plan([member("a", [0, 1]), member("b", [], { isAlive: false })], "a").claim, [2, 3]);
  assertEquals(plan([member("a", [0, 1, 2, 3]), member("b", [], { isLeaving: true })], "b"), { claim: [] });
});

Deno.test("a shard moves to an instance with two less, once the instances have settled", () => {
  const all = [member("a", [0, 1, 2, 3]), member("b", [])];
  assertEquals(plan(all, "a"), { claim: [], release: 3 });
  assertEquals(plan(all, "a", { isSettled: false }), { claim: [] });
  assertEquals(plan([member("a", [0, 1, 3]), member("b", [])], "a").release, undefined, "while one is on its way");
  assertEquals(plan([member("a", [0]), member("b", [])], "a", { shards: 1 }).release, undefined, "to a standby");
});

Deno.test("a fixed shard belongs to its instance, and to its standby", () => {
  const fixed = [member("a", [0, 1, 2, 3]), member("f", [], { fixed: 1 })];
  assertEquals(plan(fixed, "a"), { claim: [], release: 1 });
  assertEquals(plan([member("a", [0, 2, 3]), member("f", [], { fixed: 1 })], "f"), { claim: [1] });
  assertEquals(plan([member("a", [0, 2, 3]), member("f", [], { fixed: 1 })], "a"), { claim: [] });
  assertEquals(plan([member("f", [1], { fixed: 1 }), member("g", [], { fixed: 1 })], "g"), { claim: [] });
});

Deno.test("after any joins and leaves all shards are held evenly, and one shard moves at a time", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.record({ joins: fc.boolean(), who: fc.integer({ min: 0, max: 5 }) }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 40, maxLength: 120 }),
      (shards, changes, turns) => {
        const held = new Map<string, Set<number>>([["0", new Set()]]);
        const membership = () => [...held].map(([id, own]) => member(id, [...own].sort((a, b) => a - b), { shards }));
        const owners = () => [...held.values()].flatMap((own) => [...own]);
        const takeTurn = (id: string) => {
          const { claim, release } = plan(membership(), id, { shards });
          for (const shard of claim) {
            assert(!owners().includes(shard));
            held.get(id)!.add(shard);
          }
          if (release === undefined) return;
          assertEquals(owners().length, shards, "nothing moves while something is free");
          held.get(id)!.delete(release);
        };
        for (const { joins, who } of changes) {
          if (joins && !held.has(String(who))) held.set(String(who), new Set());
          else if (!joins && held.size > 1) held.delete(String(who));
          for (const turn of turns.slice(0, 3)) if (held.has(String(turn))) takeTurn(String(turn));
        }
        // In any order, and then each for as often as it may take.
        for (const turn of turns) if (held.has(String(turn))) takeTurn(String(turn));
        for (let round = 0; round < 2 * shards; round++) for (const id of held.keys()) takeTurn(id);
        assertEquals(owners().sort((a, b) => a - b), Array.from({ length: shards }, (_, shard) => shard));
        const sizes = [...held.values()].map(({ size }) => size);
        assert(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join());
        for (const id of held.keys()) assertEquals(plan(membership(), id, { shards }), { claim: [] }, "all is at rest");
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("the shard of a symbol is the same for ever, and shards are about equally large", () => {
  assertEquals(["AAPL", "BTC/USD", "ES:FUT:CME:202503"].map((symbol) => shardOf(symbol, 8)), [2, 7, 5]);
  for (const name of [(at: number) => `S${at}`, (at: number) => `${at}${at}USDT`]) {
    const sizes = new Array(16).fill(0);
    for (let at = 0; at < 10_000; at++) sizes[shardOf(name(at), 16)]++;
    assert(Math.min(...sizes) > 500 && Math.max(...sizes) < 750, sizes.join());
  }
});
