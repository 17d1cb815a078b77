import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { alignToBlocks, cutIntoTasks } from "../../src/providers/live/history/tasks.ts";
import { type Interval, subtract, unite } from "../../src/records/intervals.ts";

const MINUTE = 60_000;

Deno.test("tasks cover the missing ranges exactly once, in groups of symbols that miss the same", () => {
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

Deno.test("minutes missing of several symbols are read in blocks that one request serves", () => {
  const names = Array.from({ length: 1000 }, (_, at) => `S${at}`);
  const missing = new Map(names.map((name, at): [string, Interval[]] => [
    name,
    [[(400 + at % 97) * MINUTE, (500 + at % 89) * MINUTE]],
  ]));
  const tasks = [...cutIntoTasks(alignToBlocks(missing, 200, MINUTE, 10_000 * MINUTE), 200, MINUTE)];
  assertEquals(tasks.length, 5);
  assertEquals(tasks[0].range, [400 * MINUTE, 800 * MINUTE]);
  assertEquals(tasks.flatMap(({ symbols }) => symbols), names);
});

Deno.test("blocks cover the missing minutes, touch nothing else, and end with the range", () => {
  const ranges = fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 900 })), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(fc.array(ranges, { minLength: 2, maxLength: 4 }), (all) => {
    const missing = new Map(all.map((each, at): [string, Interval[]] => [
      `S${at}`,
      each.map(([from, length]): Interval => [from * MINUTE, (from + length) * MINUTE]),
    ]));
    const end = 6000 * MINUTE;
    for (const [symbol, blocks] of alignToBlocks(missing, 200, MINUTE, end)) {
      const set = blocks.reduce<Interval[]>(unite, []);
      for (const range of missing.get(symbol)!) assertEquals(subtract(range, set), []);
      for (const block of blocks) {
        assert(block[0] < block[1] && block[1] <= end);
        assert(missing.get(symbol)!.some(([from, to]) => from < block[1] && to > block[0]));
      }
    }
  }));
});

Deno.test("a symbol that is asked for alone is asked only for its missing bars", () => {
  const one = new Map<string, Interval[]>([["A", [[7, 9]]]]);
  assertEquals(alignToBlocks(one, 200, 1, 100), one);
  const two = new Map<string, Interval[]>([["A", [[7, 9]]], ["B", [[8, 9]]]]);
  assertEquals(alignToBlocks(two, 1, 1, 100), two);
});
