import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { bar } from "../../src/records/bar.ts";
import { columnsOf } from "../../src/records/build.ts";
import {
  clearRow,
  createColumns,
  cutRows,
  joinColumns,
  pickRows,
  releaseColumns,
  sliceRows,
} from "../../src/records/columns.ts";
import { news } from "../../src/records/news.ts";
import { createSeriesDictionary, renewSeries } from "../../src/records/series_dictionary.ts";
import { linesOf, makeBar, makeBars, recordsOf, rowsOf, toColumns } from "../support/frames.ts";

/** Bars of a few series with lines, some with optional values. */
const someBars = fc.array(
  fc.record({ symbol: fc.constantFrom("A", "B", "C"), vwap: fc.option(fc.nat(), { nil: undefined }) }),
  { maxLength: 40 },
).map((all) =>
  all.map(({ symbol, vwap }, minute) => makeBar({ symbol, ...(vwap === undefined ? {} : { vwap }) }, minute))
);
const withLines = (bars: ReturnType<typeof makeBars>, first = 1) =>
  toColumns(bars, "bar", bars.map((_, at) => first + at));

Deno.test("rows that are picked, cut out or joined are the rows that they were, with their lines", () => {
  fc.assert(fc.property(someBars, someBars, fc.nat({ max: 40 }), fc.nat({ max: 40 }), (one, other, from, count) => {
    const columns = withLines(one);
    const slice = sliceRows(columns, from, count);
    assertEquals(recordsOf(slice), one.slice(from, from + count));
    assertEquals(linesOf({ columns: slice }), one.map((_, at) => 1 + at).slice(from, from + count));
    const odd = [...one.keys()].filter((at) => at % 2 === 1).reverse();
    assertEquals(recordsOf(pickRows(columns, odd)), odd.map((at) => one[at]));
    // The second has series of its own, whose codes are others.
    const joined = joinColumns([columns, withLines(other.toReversed(), 100)]);
    assertEquals(recordsOf(joined), [...one, ...other.toReversed()]);
    assertEquals(linesOf({ columns: joined })?.slice(one.length), other.map((_, at) => 100 + at));
  }));
});

Deno.test("texts go with their rows", () => {
  const item = (id: string, url?: string) => ({
    ...{ provider: "p", symbol: "A", ts: 1, id, headline: `news ${id}`, receivedAt: 2 },
    ...(url === undefined ? {} : { url }),
  });
  const items = [item("1"), item("2", "http://2"), item("3")];
  const { columns } = columnsOf(news, items, createSeriesDictionary());
  assertEquals(recordsOf(pickRows(columns, [2, 1]), "news"), [items[2], items[1]]);
  const joined = joinColumns([sliceRows(columns, 0, 1), sliceRows(columns, 1, 2)]);
  assertEquals(recordsOf(joined, "news"), items);
});

Deno.test("cutting slices covers each row once, wherever it falls", () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 1 }), fc.nat(), fc.nat(), (sizes, a, b) => {
    const bars = makeBars(sizes.reduce((sum, size) => sum + size, 0));
    let next = 0;
    const slices = sizes.flatMap((size) => rowsOf(bars.slice(next, next += size)).slices);
    const [from, to] = [a, b].map((each) => each % (bars.length + 1)).sort((x, y) => x - y);
    const cut = cutRows({ slices }, from, to);
    assertEquals(recordsOf(cut), bars.slice(from, to));
    assertEquals(cut.count, to - from);
  }));
});

Deno.test("released columns have no memory, and those that share theirs keep it", () => {
  const series = createSeriesDictionary();
  const large = createColumns(bar, 500, series, true);
  const small = [createColumns(bar, 1, series), createColumns(bar, 2, series)];
  const bars = makeBars(3);
  bar.add(bars[0], small[0]);
  for (const each of bars.slice(1)) bar.add(each, small[1]);
  releaseColumns(large);
  releaseColumns(small[0]);
  assertEquals([large.cells.length, large.lines!.length], [0, 0]);
  assertEquals(recordsOf(small[1]), bars.slice(1));
});

Deno.test("small frames share memory and do not touch each other's rows", () => {
  const series = createSeriesDictionary();
  const frames = Array.from({ length: 2000 }, (_, at) => columnsOf(bar, makeBars(1 + at % 3, at), series).columns);
  for (const [at, columns] of frames.entries()) assertEquals(recordsOf(columns), makeBars(1 + at % 3, at));
  const empty = createColumns(bar, 2, series);
  assertEquals([...empty.cells].slice(0, 2), [NaN, NaN], "room that was never given out is empty");
});

Deno.test("a row that is taken back leaves nothing for the next", () => {
  const columns = createColumns(bar, 2, createSeriesDictionary());
  bar.add(makeBar({ vwap: 5, trades: 3 }), columns);
  columns.count--;
  clearRow(columns);
  bar.add(makeBar(), columns);
  assertEquals(recordsOf(columns), [makeBar()]);
});

Deno.test("a dictionary gives each series one code for good, and is renewed when a source floods it", () => {
  const series = createSeriesDictionary();
  const names = ["A", "B"].flatMap((symbol) => ["1m", "5m"].map((timeframe) => ["p", symbol, timeframe] as const));
  assertEquals([...names, ...names].map((name) => series.codeOf(...name)), [0, 1, 2, 3, 0, 1, 2, 3]);
  assertEquals(series.keys[1], { provider: "p", symbol: "A", timeframe: "5m" });
  assertEquals(renewSeries(series), series);
  for (let at = 0; series.keys.length < 100_000; at++) series.codeOf("p", `S${at}`, "1m");
  assertEquals(renewSeries(series).keys.length, 0);
});

Deno.test("a cursor shows the row that it stands at", () => {
  const columns = toColumns([makeBar({ vwap: 2 }), makeBar({ status: "correction", fromHistory: 1 })]);
  const cursor = bar.cursor(columns);
  const seen = () => [cursor.provider, cursor.symbol, cursor.vwap, cursor.status, cursor.fromHistory];
  assertEquals(seen(), ["test", "AAPL", 2, "final", undefined]);
  cursor.at = 1;
  assertEquals(seen(), ["test", "AAPL", undefined, "correction", 1]);
});
