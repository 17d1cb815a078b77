import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bar, bar } from "../../src/records/bar.ts";
import type { ParseContext } from "../../src/records/record.ts";
import { describeTimeUnit, timeParser, type TimeUnit } from "../../src/records/time.ts";
import { TIMEFRAMES } from "../../src/records/timeframe.ts";
import { createColumns, seriesOf } from "../../src/records/columns.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import { charOf } from "../../src/sinks/postgres/rows.ts";
import { makeBar, OPENING, recordsOf, toColumns } from "../support/frames.ts";

const NOW = OPENING + 60_000;
const DAY = 24 * 60 * 60 * 1000;

/** Parses a bar whose fields are sound unless said otherwise. */
function parse(fields: Record<string, unknown> = {}, unit: TimeUnit = "iso"): Bar | string {
  const all: Record<string, unknown> = {
    symbol: "AAPL",
    ts: "2024-01-02T14:30:00Z",
    open: "100",
    high: "101",
    low: "99",
    close: "100.5",
    volume: "1000",
    ...fields,
  };
  const context: ParseContext = {
    provider: "test",
    timeframe: "1m",
    parseTime: timeParser(unit),
    timeFormat: describeTimeUnit(unit),
  };
  const columns = createColumns(bar, 1, createSeriesDictionary());
  return bar.read(bar.fields.map(({ name }) => all[name]), columns, OPENING * 1000, context) ?? bar.row(columns, 0);
}

/** The JSON form of a bar. */
const toJSON = (given: Bar) => bar.toJSON(toColumns([given]), 0);

const reasonOf = (fields: Partial<Bar>) => bar.validate(makeBar(fields), NOW);

/** Letters are grouped by what comes before ": ", so nothing of one record may be in it. */
function assertPhrase(reason: unknown, phrase: string): void {
  assertEquals(String(reason).split(": ", 1)[0], phrase);
}

Deno.test("a bar is parsed from text", () => {
  assertEquals(parse(), makeBar({ volume: 1000 }));
});

Deno.test("a bar's optional fields are parsed where they are given", () => {
  const parsed = parse({ timeframe: "5m", vwap: "100.25", trades: "12", status: "correction" }) as Bar;
  assertEquals([parsed.timeframe, parsed.vwap, parsed.trades, parsed.status], ["5m", 100.25, 12, "correction"]);
});

Deno.test("an optional field left empty is absent", () => {
  for (const empty of ["", null, undefined]) {
    const parsed = parse({ timeframe: empty, vwap: empty, trades: empty, status: empty }) as Bar;
    assertEquals([parsed.timeframe, parsed.vwap, parsed.trades, parsed.status], ["1m", undefined, undefined, "final"]);
  }
});

for (const name of ["open", "high", "low", "close", "volume", "vwap", "trades"]) {
  Deno.test(`a bar whose ${name} is not a finite number is not parsed`, () => {
    for (const value of ["abc", "1e400", "Infinity", "1,000", {}]) {
      assertPhrase(parse({ [name]: value }), `${name} is not a finite number`);
    }
  });
}

Deno.test("a bar without a symbol or a time is not parsed", () => {
  assertEquals(parse({ symbol: undefined }), "symbol is not text: nothing");
  assertEquals(parse({ symbol: 600519 }), "symbol is not text: 600519");
  assertPhrase(parse({ ts: "2024-01-02T14:30:00" }), `ts is not ${describeTimeUnit("iso")}`);
});

Deno.test("prices whose sum is too large for a double are still numbers", () => {
  const parsed = parse({ open: "1e308", high: "1e308", low: "1e308", close: "1e308" });
  assert(typeof parsed === "object" && bar.validate(parsed, NOW) === undefined);
});

Deno.test("a quotation in a reason is cut to a bearable length", () => {
  assert(String(parse({ open: "x".repeat(1000) })).length < 150);
});

Deno.test("a sound bar has no reason against it", () => assertEquals(reasonOf({}), undefined));

Deno.test("a bar may stand still, trade nothing, cost less than nothing", () => {
  assertEquals(reasonOf({ open: 0, high: 0, low: 0, close: 0, volume: 0 }), undefined);
  assertEquals(reasonOf({ open: -37, high: -36, low: -40, close: -38 }), undefined);
});

for (
  const [fields, phrase] of [
    [{ high: 100.4 }, "high is below max(open, close)"],
    [{ low: 100.1 }, "low is above min(open, close)"],
    [{ open: 100.8, high: 100.7 }, "high is below max(open, close)"],
    [{ open: 100.8, low: 100.6 }, "low is above min(open, close)"],
    [{ volume: -1 }, "volume is negative"],
    [{ open: NaN }, "open is not a finite number"],
    [{ high: Infinity }, "high is not a finite number"],
    [{ low: -Infinity }, "low is not a finite number"],
    [{ close: NaN }, "close is not a finite number"],
    [{ volume: Infinity }, "volume is not a finite number"],
    [{ vwap: NaN }, "vwap is not a finite number"],
    [{ trades: 1.5 }, "trades is not a count"],
    [{ trades: -1 }, "trades is not a count"],
    [{ trades: 2 ** 31 }, "trades is not a count"],
    [{ timeframe: "7m" }, "timeframe is not known"],
    [{ ts: NaN }, "ts is outside 1900 to one day ahead of now"],
    [{ ts: 1.7e21 }, "ts is outside 1900 to one day ahead of now"],
    [{ ts: Date.UTC(1899, 11, 31) }, "ts is outside 1900 to one day ahead of now"],
    [{ ts: NOW + DAY + 1 }, "ts is outside 1900 to one day ahead of now"],
    [{ status: "done" as "final" }, "status is not known"],
    [{ status: "constructor" as "final" }, "status is not known"],
    [{ symbol: "" }, "symbol is empty"],
    [{ symbol: "A".repeat(65) }, "symbol is longer than 64 characters"],
    [{ symbol: "A;B" }, "symbol has characters that no venue uses"],
  ] as const
) {
  Deno.test(`a bar is unsound when ${phrase}: ${Deno.inspect(fields)}`, () => assertPhrase(reasonOf(fields), phrase));
}

Deno.test("a bar may start up to a day ahead of this clock, and in 1900", () => {
  assertEquals(reasonOf({ ts: NOW + DAY }), undefined);
  assertEquals(reasonOf({ ts: Date.UTC(1900) }), undefined);
});

Deno.test("every known timeframe is sound", () => {
  for (const timeframe of TIMEFRAMES.keys()) assertEquals(reasonOf({ timeframe }), undefined);
});

for (
  const symbol of [
    "AAPL",
    "BTC/USD",
    "BRK.B",
    "BRK B",
    "^GSPC",
    "ES=F",
    "čáp",
    "600519",
    "A".repeat(64),
    "$SPX",
    "7203:JP",
  ]
) {
  Deno.test(`symbol "${symbol}" is sound`, () => {
    assertEquals(reasonOf({ symbol }), undefined);
    assertEquals(reasonOf({ symbol }), undefined, "when it comes again");
  });
}

for (
  const symbol of [
    "\0",
    "A\nB",
    "A\x1b[31m",
    "<script>",
    "'; DROP TABLE",
    '"AAPL"',
    " AAPL",
    "AAPL ",
    "BRK  B",
    "\u00a0AAPL",
    "A\u202eB",
    "\ud800",
    "💥",
  ]
) {
  Deno.test(`symbol ${JSON.stringify(symbol)} is unsound`, () => {
    assertPhrase(reasonOf({ symbol }), "symbol has characters that no venue uses");
    assert(reasonOf({ symbol }) !== undefined, "when it comes again");
  });
}

Deno.test("a bar as JSON is parsed back to the same bar", () => {
  const price = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  const arbitrary = fc.record({
    symbol: fc.string({ unit: "binary" }),
    timeframe: fc.constantFrom(...TIMEFRAMES.keys()),
    ts: fc.integer({ min: Date.UTC(1900) * 1000, max: Date.UTC(2100) * 1000 }).map((us) => us / 1000),
    open: price,
    high: price,
    low: price,
    close: price,
    volume: price,
    vwap: fc.option(price, { nil: undefined }),
    trades: fc.option(fc.nat(), { nil: undefined }),
    status: fc.constantFrom("final", "provisional", "correction"),
  });
  fc.assert(fc.property(arbitrary, (fields) => {
    const original = makeBar(fields as Partial<Bar>);
    const parsed = parse(JSON.parse(JSON.stringify(toJSON(original))));
    if (typeof parsed === "string") throw new Error(parsed);
    // The column is in whole microseconds; half the last bit of a double of milliseconds does not matter.
    assertEquals(Math.round(parsed.ts * 1000), Math.round(original.ts * 1000));
    const [whole] = recordsOf(toColumns([original]));
    assertEquals({ ...parsed, ts: 0, receivedAt: 0 }, { ...whole, ts: 0, receivedAt: 0 });
  }));
});

Deno.test("an unsound bar can be put into JSON too, even with a time that no date has", () => {
  const parsed = parse({ ts: "1704205800000000000" }, "s") as Bar;
  assertPhrase(bar.validate(parsed, NOW), "ts is outside 1900 to one day ahead of now");
  assertEquals(toJSON(parsed).ts, "1.7042058e+21");
});

Deno.test("a bar belongs to the series of its provider, symbol and timeframe", () => {
  assertEquals(seriesOf(toColumns([makeBar()]), 0), { provider: "test", symbol: "AAPL", timeframe: "1m" });
});

Deno.test("each column finds its value, and a final bar from history its own character", () => {
  const full = makeBar({ ts: OPENING + 0.001, vwap: 100.2, trades: 7, status: "provisional" });
  const columns = toColumns([full, makeBar({ fromHistory: 1 })]);
  const { cells, stride } = columns;
  const values = bar.columns.map((column) => [
    column.name,
    column.type === "char"
      ? [0, 1].map((at) => String.fromCharCode(charOf(column, columns, at)))
      : Math.round(cells[column.place * stride] * (column.microseconds ?? 1) * 1e6) / 1e6,
  ]);
  assertEquals(Object.fromEntries(values), {
    ts: OPENING * 1000 + 1,
    open: 100,
    high: 101,
    low: 99,
    close: 100.5,
    volume: 1000,
    vwap: 100.2,
    received_at: OPENING * 1000,
    trades: 7,
    status: ["p", "h"],
  });
});
