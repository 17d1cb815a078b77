import { assert, assertEquals } from "@std/assert";
import { kindRelations } from "../../src/database/kinds.ts";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { columnsOf } from "../../src/records/build.ts";
import { createColumns } from "../../src/records/columns.ts";
import { defineKind } from "../../src/records/define_kind.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import { timeParser } from "../../src/records/time.ts";

/** Tables of the kinds, as databases have had them since these kinds are there. */
const TABLES: Record<string, string> = {
  option_snapshot: `ts timestamptz NOT NULL, received_at timestamptz NOT NULL, strike float8 NOT NULL, bid float8,
    ask float8, last float8, iv float8, delta float8, gamma float8, theta float8, vega float8, open_interest float8,
    volume float8, spot float8, series_id int4 NOT NULL, expiry date NOT NULL, type "char" NOT NULL,
    underlying text NOT NULL, PRIMARY KEY (series_id, ts)`,
  fundamental: `ts timestamptz NOT NULL, received_at timestamptz NOT NULL, total_assets float8,
    total_liabilities float8, net_income float8, eps float8, series_id int4 NOT NULL, period text NOT NULL, items jsonb,
    PRIMARY KEY (series_id, ts, period)`,
  news_item: `ts timestamptz NOT NULL, received_at timestamptz NOT NULL, series_id int4 NOT NULL, id text NOT NULL,
    headline text NOT NULL, url text, source text, PRIMARY KEY (series_id, ts, id)`,
};

Deno.test("the tables that follow from the declarations are those that databases have", () => {
  const plain = (text: string) => text.replace(/\s+/g, " ").trim();
  const tables = kindRelations().filter(({ kind }) => kind === "table");
  assertEquals(tables.map(({ name }) => name).sort(), Object.keys(TABLES).sort());
  for (const { name, create } of tables) {
    const [, columns] = /\(\n([^]*)\n\)$/.exec(create(namesIn(DEFAULT_SCHEMA))[0])!;
    assertEquals(plain(columns), plain(TABLES[name]));
  }
});

Deno.test("the fields of messages are named as they have been since version 1", () => {
  const fields = Object.values(recordKinds).map(({ wire }) =>
    wire.map(({ name, type }) => `${name}:${type}`).sort().join(" ")
  );
  assertEquals(fields, [
    "close:number fromHistory:number high:number low:number open:number provider:text receivedAt:number status:text " +
    "symbol:text timeframe:text trades:number ts:number volume:number vwap:number",
    "ask:number bid:number delta:number expiry:text gamma:number iv:number last:number openInterest:number " +
    "provider:text receivedAt:number spot:number strike:number symbol:text theta:number ts:number type:text " +
    "underlying:text vega:number volume:number",
    "eps:number items:json netIncome:number period:text provider:text receivedAt:number symbol:text " +
    "totalAssets:number totalLiabilities:number ts:number",
    "headline:text id:text provider:text receivedAt:number source:text symbol:text ts:number url:text",
  ]);
});

Deno.test("the documentation explains each field whose name is not plain", () => {
  for (const { name, fields } of Object.values(recordKinds)) {
    const times = fields.filter(({ name }) => name === "ts");
    assert(times.every(({ about }) => about !== undefined), `${name} does not say what its time is`);
  }
});

/** A kind with a field of 64 bits. */
const trade = defineKind({
  name: "trade",
  table: "trade",
  view: "trades",
  timeframe: "",
  fields: [
    { name: "symbol", type: "symbol" },
    { name: "ts", type: "timestamptz", about: "when it was made" },
    { name: "id", type: "int8" },
    { name: "order", type: "int8", optional: true },
  ],
  key: ["ts"],
  validate: () => undefined,
});
const context = { provider: "p", timeframe: "", parseTime: timeParser("ms"), timeFormat: "ms" };

/** The record of these values, in JSON, or the reason why there is none. */
function readTrade(id: unknown, order?: unknown): unknown {
  const columns = createColumns(trade, 1, createSeriesDictionary());
  const reason = trade.read(["A", 1, id, order], columns, 7, context);
  return reason ?? trade.toJSON(columns, 0);
}

Deno.test("a field of 64 bits takes each whole number that a double holds exactly, and no other", () => {
  const common = { provider: "p", symbol: "A", ts: "1970-01-01T00:00:00.001Z", receivedAt: 7 };
  assertEquals(readTrade("9007199254740991", "-9007199254740991"), {
    ...common,
    id: 2 ** 53 - 1,
    order: -(2 ** 53) + 1,
  });
  assertEquals(readTrade(12), { ...common, id: 12 });
  for (const wrong of ["9007199254740993", "1.5", "x", 2 ** 53]) {
    assertEquals(readTrade(wrong), `id is not a whole number below 2^53: ${JSON.stringify(wrong)}`);
  }
  const records = [1, 1.5].map((id) => ({ provider: "p", symbol: "A", ts: 1, id, receivedAt: 7 }));
  const { columns } = columnsOf(trade, records, createSeriesDictionary());
  assertEquals([...trade.findUnsound(columns, 2)], [[1, "id is not a whole number below 2^53: 1.5"]]);
  assertEquals(records.map((record) => trade.validate(record, 2)), [
    undefined,
    "id is not a whole number below 2^53: 1.5",
  ]);
  assertEquals(trade.columns.map(({ name, type }) => `${name} ${type}`), [
    ...["ts timestamptz", "received_at timestamptz", "id int8", "order int8"],
  ]);
});
