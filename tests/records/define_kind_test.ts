import { assert, assertEquals } from "@std/assert";
import { kindRelations } from "../../src/database/kinds.ts";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { recordKinds } from "../../src/records/mod.ts";

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
