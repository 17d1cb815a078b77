import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Interval, subtract, totalMs, unite } from "../../src/records/intervals.ts";

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

Deno.test("a difference holds the part of the interval outside the set", () => {
  fc.assert(fc.property(interval, fc.array(interval, { maxLength: 8 }), (whole, intervals) => {
    const set = intervals.reduce<Interval[]>(unite, []);
    assertEquals(times(subtract(whole, set)), times([whole]).difference(times(set)));
  }));
});
