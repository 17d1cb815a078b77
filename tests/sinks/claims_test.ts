import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createLoadBook, type LoadBook, type SeriesSpan } from "../../src/database/load_book.ts";
import { recordKind } from "../../src/records/mod.ts";
import { claimRows } from "../../src/sinks/postgres/loads.ts";
import { prepareRows } from "../../src/sinks/postgres/rows.ts";
import type { Session } from "../../src/sinks/postgres/session.ts";
import { makeBar, rowsOf } from "../support/frames.ts";

const bars = fc.uniqueArray(
  fc.record({ symbol: fc.constantFrom("A", "B", "C"), minute: fc.nat({ max: 30 }), receivedAt: fc.nat({ max: 60 }) }),
  { selector: ({ symbol, minute }) => `${symbol} ${minute}`, maxLength: 40 },
);
/** The load of each of the times of receipt 0–9, 10–19 and so on; 0 is none. */
const loadsOf = fc.array(fc.constantFrom(0, 1, 2), { minLength: 7, maxLength: 7 });

Deno.test("each load claims the first and last time of its own records of a series, in one span", async () => {
  await fc.assert(fc.asyncProperty(bars, loadsOf, async (given, loadOf) => {
    const rows = rowsOf(
      given.map(({ symbol, minute, receivedAt }) => makeBar({ symbol, receivedAt }, minute)),
    );
    const ids = Int32Array.from(given, ({ symbol }) => symbol.charCodeAt(0));
    const book = createLoadBook();
    loadOf.forEach((load, at) => load > 0 && book.reserved(load, [10 * at, 10 * at + 10]));
    const claimed = new Map<number, readonly SeriesSpan[]>();
    const claim: LoadBook["claim"] = (_client, _names, _kind, spans) => {
      for (const [load, ofSeries] of spans) claimed.set(load, ofSeries);
      return Promise.resolve();
    };
    const kind = recordKind("bar");
    const found = await claimRows({} as Session, { ...book, claim }, kind, prepareRows(rows, ids, kind));

    const expected = new Map<number, Map<number, number[]>>();
    for (const { symbol, minute, receivedAt } of given) {
      const load = loadOf[Math.floor(receivedAt / 10)];
      if (load === 0) continue;
      const ofLoad = expected.get(load) ?? new Map<number, number[]>();
      expected.set(load, ofLoad);
      const id = symbol.charCodeAt(0);
      ofLoad.set(id, [...ofLoad.get(id) ?? [], makeBar({}, minute).ts]);
    }
    assertEquals(found.toSorted(), [...expected.keys()].toSorted());
    for (const [load, series] of expected) {
      const spans = Array.from(series, ([seriesId, times]): SeriesSpan => (
        { seriesId, first: Math.min(...times), last: Math.max(...times) }
      ));
      assertEquals(claimed.get(load), spans.toSorted((one, other) => one.seriesId - other.seriesId));
    }
  }));
});
