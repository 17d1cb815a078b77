import { assert, assertEquals } from "@std/assert";
import type { Columns } from "../../src/records/columns.ts";
import { TS } from "../../src/records/columns.ts";
import { findRuns } from "../../src/sinks/postgres/log.ts";
import type { PreparedRows } from "../../src/sinks/postgres/rows.ts";
import { createRandom } from "../endtoend/random.ts";

/** Rows of keys, each a series and a time in milliseconds. */
function prepare(keys: readonly (readonly [series: number, ts: number])[]): PreparedRows {
  const stride = keys.length;
  const cells = new Float64Array((TS + 1) * stride);
  for (const [at, [, ts]] of keys.entries()) cells[TS * stride + at] = ts;
  return {
    ...{
      count: stride,
      parts: [{ cells, stride } as unknown as Columns],
      part: new Uint32Array(stride),
      deduplicated: 0,
    },
    row: Uint32Array.from(keys, (_, at) => at),
    ids: Int32Array.from(keys, ([series]) => series),
  };
}

/** The keys that runs stand for, each with its place. */
function expand({ series, times, steps, counts, places }: ReturnType<typeof findRuns>): number[][] {
  return series.flatMap((id, run) =>
    Array.from({ length: counts[run] }, (_, at) => [id, (times[run] + at * steps[run]) / 1000, places[run] + at])
  );
}

Deno.test("runs stand for exactly the keys of the rows, in their order and with their places", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = createRandom(seed);
    const keys: [number, number][] = [];
    for (let series = 1; series <= random.whole(1, 4); series++) {
      let ts = random.whole(0, 1e6);
      for (let at = random.whole(0, 20); at > 0; at--) {
        keys.push([series, ts]);
        ts += random.happens(0.7) ? 60_000 : random.whole(1, 1e6);
      }
    }
    assertEquals(expand(findRuns(prepare(keys))), keys.map(([series, ts], at) => [series, ts, at + 1]), `seed ${seed}`);
  }
});

Deno.test("minute bars without a gap are one run for each series", () => {
  const keys = [1, 2].flatMap((series) => Array.from({ length: 2500 }, (_, at) => [series, at * 60_000] as const));
  const { counts, steps } = findRuns(prepare(keys));
  assertEquals([counts, steps], [[2500, 2500], [60_000_000, 60_000_000]]);
  assert(findRuns(prepare([])).counts.length === 0);
});
