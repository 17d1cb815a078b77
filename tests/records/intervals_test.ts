import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Interval, subtract, totalMs, unite } from "../../src/records/intervals.ts";
import { cutIntoTasks } from "../../src/providers/live/tasks.ts";

const interval = fc.tuple(fc.nat(50), fc.nat(20)).map(([from, length]): Interval => [from, from + length]);
/** The times in a set, one by one. */
const times = (set: readonly Interval[]) =>
  new Set(set.flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => from + at)));

Deno.test("a union holds what its parts hold, in order and in as few intervals as can be", () => {
  fc.assert(fc.property(fc.array(interval, { maxLength: 8 }), (intervals) => {
    const set = intervals.reduce<Interval[]>(unite, []);
    assertEquals([...times(set)].toSorted((a, b) => a - b), [...times(intervals)].toSorted((a, b) => a - b));
    for (let at = 1; at < set.length; at++) assert(set[at - 1][1] < set[at][0]);
    assertEquals(totalMs(set), times(set).size);
  }));
});

Deno.test("a difference holds what is in the interval and not in the set", () => {
  fc.assert(fc.property(interval, fc.array(interval, { maxLength: 8 }), (whole, intervals) => {
    const set = intervals.reduce<Interval[]>(unite, []);
    assertEquals(times(subtract(whole, set)), times([whole]).difference(times(set)));
  }));
});

Deno.test("tasks cover what is missing exactly once, in groups of symbols of which the same is missing", () => {
  const symbols = fc.uniqueArray(fc.stringMatching(/^[A-Z]{1,4}$/), { minLength: 1, maxLength: 12 });
  const ranges = fc.constantFrom<Interval[]>([[0, 10]], [[0, 3], [7, 10]], []);
  const input = symbols.chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), ranges))));
  const DAY = 24 * 60 * 60_000;
  fc.assert(fc.property(input, fc.integer({ min: 1, max: 5 }), (entries, size) => {
    const missing = new Map(
      entries.map(([name, all]) => [name, all.map(([from, to]): Interval => [from * DAY, to * DAY])]),
    );
    const covered = new Map<string, Interval[]>();
    for (const { symbols, range } of cutIntoTasks(missing, size, 60_000)) {
      assert(symbols.length <= size);
      for (const symbol of symbols) {
        const before = covered.get(symbol) ?? [];
        assertEquals(subtract(range, before), [range], "a range is read twice");
        covered.set(symbol, unite(before, range));
      }
    }
    for (const [symbol, all] of missing) assertEquals(covered.get(symbol) ?? [], all);
  }));
});
