import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { recordKind, recordKinds } from "../../src/records/mod.ts";
import { createReceiveClock } from "../../src/records/record.ts";

Deno.test("the receive clock follows the wall clock, in microseconds", () => {
  let now = 5;
  const clock = createReceiveClock(() => now);
  assertEquals(clock(1), 5000);
  now = 6;
  assertEquals(clock(1), 6000);
});

Deno.test("the receive clock never gives a time twice, even if the wall clock is set", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer(), fc.integer({ min: 1, max: 5000 }))), (steps) => {
    let now = 0;
    const clock = createReceiveClock(() => now);
    let next = 0;
    for (const [jump, count] of steps) {
      now = Math.max(0, now + jump);
      const first = clock(count);
      assert(first >= next && first >= now * 1000);
      next = first + count;
    }
  }));
});

Deno.test("each kind of records is found by its name", () => {
  for (const [name, kind] of Object.entries(recordKinds)) {
    assertEquals(kind.name, name);
    assertEquals(recordKind(name), kind as unknown);
  }
});

Deno.test("an unknown kind is refused, with the known ones", () => {
  assertThrows(
    () => recordKind("candle"),
    RangeError,
    'Cannot find record kind "candle": known are bar, option, fundamental, news',
  );
  assertThrows(() => recordKind("constructor"), RangeError, "Cannot find record kind");
});

Deno.test("a kind's key columns are among its columns, and its fields have names of their own", () => {
  for (const kind of Object.values(recordKinds)) {
    const columns: string[] = kind.columns.map(({ name }) => name);
    for (const key of kind.keyColumns) assert(columns.includes(key));
    const names = kind.fields.flatMap(({ name, aliases }) => [name, ...aliases]);
    assertEquals(new Set(names).size, names.length);
  }
});
