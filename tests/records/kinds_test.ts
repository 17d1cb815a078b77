import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makers } from "../../src/providers/mock/market.ts";
import { decodeFrame, encodeFrame } from "../../src/records/codec.ts";
import { type Columns, createColumns } from "../../src/records/columns.ts";
import { recordKind, recordKinds } from "../../src/records/mod.ts";
import { contractSymbol, type OptionSnapshot } from "../../src/records/option.ts";
import type { ParseContext } from "../../src/records/record.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import { timeParser } from "../../src/records/time.ts";
import { frameOf, recordsOf } from "../support/frames.ts";

const NOW = Date.UTC(2024, 0, 3);
const context: ParseContext = {
  provider: "test",
  timeframe: "1m",
  parseTime: timeParser("iso"),
  timeFormat: "an ISO time",
};

/** Reads an object as a line of a file is read. */
function parse(name: string, object: Record<string, unknown>) {
  const kind = recordKind(name);
  const values = kind.fields.map(({ name, aliases }) =>
    [name, ...aliases].map((each) => object[each]).find((value) => value !== undefined)
  );
  const columns = createColumns(kind, 1, createSeriesDictionary());
  return kind.read(values, columns, 1, context) ?? columns;
}

const OPTION = { underlying: "AAPL", expiry: "2024-01-19", type: "C", strike: 150, ts: "2024-01-02T14:30:00Z" };
const FUNDAMENTAL = { symbol: "AAPL", period: "2023Q4", as_of: "2024-01-02T00:00:00Z" };
const NEWS = { symbol: "AAPL", ts: "2024-01-02T14:30:00Z", id: "n1", headline: "Apple falls" };

for (const name of Object.keys(recordKinds)) {
  const kind = recordKind(name);
  const made = [0, 1, 2, 77].map((minute) => makers[name]("AAPL", "1m", Date.UTC(2024, 0, 2, 14, minute), minute));

  Deno.test(`${name}: records of the mock are sound, have all columns, and come back from JSON and from bytes`, () => {
    const frame = frameOf({ kind: name, provider: "mock", receivedAt: 5, records: made });
    assertEquals(frame.columns.count, made.length);
    assertEquals(kind.findUnsound(frame.columns, NOW), new Map());
    for (const [at, record] of made.entries()) {
      assertEquals(kind.validate(record, NOW), undefined);
      for (const { name, optional, place, type } of kind.columns) {
        const { texts, cells, stride } = frame.columns;
        const isThere = type === "text" || type === "jsonb"
          ? texts[place][at] !== undefined
          : !Number.isNaN(cells[place * stride + at]);
        assert(optional || isThere, `${name} is missing`);
      }
      const json = JSON.parse(JSON.stringify(kind.toJSON(frame.columns, at)));
      const values = kind.fields.map((field) => json[field.name]);
      const read = createColumns(kind, 1, createSeriesDictionary());
      assertEquals(kind.read(values, read, record.receivedAt, { ...context, provider: record.provider }), undefined);
      assertEquals(kind.row(read, 0), { ...record });
    }
    assertEquals(recordsOf(decodeFrame(encodeFrame(frame, kind)), name), made);
  });

  Deno.test(`${name}: its key columns are among its columns, and its fields have names of their own`, () => {
    for (const key of kind.keyColumns) assert(kind.columns.some((column) => column.name === key && !column.optional));
    const names = kind.fields.flatMap((field) => [field.name, ...field.aliases]);
    assertEquals(new Set(names).size, names.length);
  });
}

Deno.test("a contract without a symbol gets that of the Options Symbology Initiative", () => {
  assertEquals(contractSymbol("AAPL", "2024-01-19", "C", 152.5), "AAPL240119C00152500");
  const row = (read: ReturnType<typeof parse>) => recordsOf<OptionSnapshot>(read as Columns, "option")[0];
  const parsed = row(parse("option", OPTION));
  assertEquals([parsed.symbol, parsed.expiry, parsed.type, parsed.bid], [
    "AAPL240119C00150000",
    "2024-01-19",
    "C",
    undefined,
  ]);
  assertEquals(
    row(parse("option", { ...OPTION, type: "put", expiry: "20240119", symbol: "X" })).symbol,
    "X",
  );
});

const WRONG: [string, Record<string, unknown>, string][] = [
  ["option", { ...OPTION, underlying: undefined }, "underlying is not text"],
  ["option", { ...OPTION, expiry: "2024-02-30" }, "expiry is not a day"],
  ["option", { ...OPTION, type: "X" }, "type is not C or P"],
  ["option", { ...OPTION, strike: "cheap" }, "strike is not a price"],
  ["option", { ...OPTION, iv: "much" }, "iv is not a finite number"],
  ["option", { ...OPTION, ts: "soon" }, "ts is not"],
  ["fundamental", { ...FUNDAMENTAL, period: null }, "period is not text"],
  ["fundamental", { ...FUNDAMENTAL, eps: "1e999" }, "eps is not a finite number"],
  ["fundamental", { ...FUNDAMENTAL, items: "[1]" }, "items is not an object"],
  ["fundamental", { ...FUNDAMENTAL, items: { cash: "much" } }, "items has a figure that is no number"],
  ["fundamental", { ...FUNDAMENTAL, symbol: 5 }, "symbol is not text"],
  ["news", { ...NEWS, headline: 1 }, "headline is not text"],
  ["news", { ...NEWS, id: {} }, "id is not text"],
  ["news", { ...NEWS, url: [] }, "url is not text"],
];
for (const [name, object, words] of WRONG) {
  Deno.test(`${name} is refused: ${words} (${JSON.stringify(object).slice(0, 60)}…)`, () => {
    const read = parse(name, object);
    assert(typeof read === "string", "it was taken");
    assertStringIncludes(read, words);
  });
}

const UNSOUND: [string, Record<string, unknown>, string][] = [
  ["option", { ...OPTION, strike: 0 }, "strike is not a price"],
  ["option", { ...OPTION, delta: 2 }, "delta is outside"],
  ["option", { ...OPTION, openInterest: -1 }, "openInterest is negative"],
  ["option", { ...OPTION, ts: "2030-01-01T00:00:00Z" }, "ts is outside"],
  ["option", { ...OPTION, underlying: "<b>" }, "symbol has characters"],
  ["fundamental", { ...FUNDAMENTAL, period: "" }, "period is not of 1 to 32"],
  ["fundamental", { ...FUNDAMENTAL, period: "x".repeat(40) }, "period is not of 1 to 32"],
  ["fundamental", { ...FUNDAMENTAL, items: { ["x".repeat(200)]: 1 } }, "items has a name of over"],
  ["news", { ...NEWS, headline: "" }, "headline is empty"],
  ["news", { ...NEWS, headline: "x".repeat(3000) }, "headline is longer than"],
  ["news", { ...NEWS, headline: "a\0b" }, "headline has a null character"],
];
for (const [name, object, words] of UNSOUND) {
  Deno.test(`${name} is not stored: ${words}`, () => {
    const read = parse(name, object);
    if (typeof read === "string") throw new Error(`it was not read: ${read}`);
    assertStringIncludes(recordKind(name).findUnsound(read, NOW).get(0) ?? "nothing", words);
  });
}
