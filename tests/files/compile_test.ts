import { assert, assertEquals } from "@std/assert";
import { compilePlan } from "../../src/files/compile.ts";
import { type Dialect, mergeDialects } from "../../src/files/dialect.ts";
import { readDialect } from "../../src/files/keys.ts";
import { recordKinds } from "../../src/records/mod.ts";

const fields = recordKinds.bar.fields;
const roles = fields.map(({ name }) => name);

function compile(text: string, dialect: Dialect = {}, path = "data.csv") {
  return compilePlan({ dialect, hasPreset: false, fields, lines: text.split("\n"), paths: [path] });
}

/** What is asked about a file, as `missing: answer`. */
function asked(text: string, dialect: Dialect = {}, path?: string): string[] {
  const planned = compile(text, dialect, path);
  return planned.ok ? [] : planned.questions.map(({ missing, answer }) => `${missing}: add ${answer}`);
}

const SYMBOL = "header lacks symbol: add --constant symbol=AAPL, or --symbol-from '{symbol}.csv'";
const TIMEFRAME = "Timeframe is not in the file: add --timeframe 1m";
const ZONE = "Times have no zone: add --time-zone America/New_York";
const STAMP = "Times may be the start or the end of their bars: add --stamp start or --stamp end";

Deno.test("the user of a file of unknown origin is asked all missing facts at once", () => {
  const text = "Date,Time,Open,High,Low,Close,Volume\n2024-01-02,09:30,1,2,0.5,1.5,100\n";
  assertEquals(asked(text), [SYMBOL, ZONE, STAMP, TIMEFRAME]);
  const planned = compile(text);
  assertEquals(planned.ok ? undefined : planned.line, { line: 2, text: "2024-01-02,09:30,1,2,0.5,1.5,100" });
});

Deno.test("an answered question is not asked again, and the plan reads the rows by the answer", () => {
  const text = "Date,Time,Open,High,Low,Close,Volume\n2024-01-02,09:31,1,2,0.5,1.5,100\n";
  const answers = readDialect({
    constant: ["symbol=AAPL"],
    timeframe: "1m",
    timeZone: "America/New_York",
    stamp: "end",
  }, roles);
  if (!answers.ok) throw new Error("the answers are not read");
  const planned = compile(text, answers.dialect);
  if (!planned.ok) throw new Error("something is asked");
  const bytes = new TextEncoder().encode("2024-01-02,09:31");
  const ms = planned.plan.timesOf("1m").readSplit(bytes, 0, 10, 11, 16);
  assertEquals(new Date(ms).toISOString(), "2024-01-02T14:30:00.000Z");
});

const HEADER = "symbol,timeframe,ts,open,high,low,close,volume";
Deno.test("a file of Barline's own columns needs no answer", () => {
  for (const ts of ["2024-01-02T14:30:00Z", "yesterday", "1704205800"]) {
    const planned = compile(`${HEADER}\nAAPL,1m,${ts},1,2,0.5,1.5,100\n`);
    assert(planned.ok && planned.findings.isNative, ts);
  }
});

const ambiguous: Record<string, [string, string, Dialect?]> = {
  "a day that may be a month": ["01/03/2010 09:30", "1.5", { timeZone: "UTC", stamp: "start" }],
  "epoch seconds": ["1704205800", "1.5", { stamp: "start" }],
  "a comma that may part decimals or thousands": ["2024-01-02T14:30:00Z", "1,234", { stamp: "start" }],
  "a point that may part thousands, beside semicolons": ["2024-01-02T14:30:00Z", "1.234", { stamp: "start" }],
  "no zone": ["2024-01-02 14:30", "1.5", { stamp: "start" }],
  "start or end": ["2024-01-02T14:30:00Z", "1.5"],
  "another unit than is said": ["1704205800", "1.5", { timeUnit: "ms", stamp: "start" }],
};
const QUESTIONS: Record<string, string> = {
  "a day that may be a month": "--time-format '%d/%m/%Y %H:%M[:%S[.%f]]' or --time-format '%m/%d/%Y %H:%M[:%S[.%f]]'",
  "epoch seconds": "--time-unit s",
  "a comma that may part decimals or thousands": "--decimal . or --decimal ,",
  "a point that may part thousands, beside semicolons": "--decimal . or --decimal ,",
  "no zone": "--time-zone America/New_York",
  "start or end": "--stamp start or --stamp end",
  "another unit than is said": "--time-unit s",
};
for (const [name, [time, price, dialect]] of Object.entries(ambiguous)) {
  Deno.test(`a file is refused for ${name}, and the one flag that answers is named`, () => {
    const text = `time;open;high;low;close;volume\n${time};${price};${price};${price};${price};100\n`;
    const given = mergeDialects({ constants: { symbol: "AAPL" }, timeframe: "1m" }, dialect);
    const planned = compile(text, given);
    if (planned.ok) throw new Error("nothing is asked");
    assertEquals(planned.questions.map(({ answer }) => answer), [QUESTIONS[name]]);
  });
}

Deno.test("one value that only one reading allows decides", () => {
  const given: Dialect = { constants: { symbol: "A" }, timeframe: "1d" };
  const read = (rows: string) => {
    const planned = compile(`time;open;high;low;close;volume\n${rows}`, given);
    if (!planned.ok) throw new Error(JSON.stringify(planned));
    const { timeFormat, decimal, thousands } = planned.plan.dialect;
    return [timeFormat, decimal, thousands];
  };
  assertEquals(read("01/03/2010;1;1;1;1;1\n13/03/2010;1;1;1;1;1\n"), ["%d/%m/%Y", undefined, undefined]);
  assertEquals(read("03.13.2010;1,5;1;1;1;1\n"), ["%m.%d.%Y", ",", undefined]);
  assertEquals(read("20100313;1.234,5;1.234;1;1;1\n"), ["%Y%m%d", ",", "."]);
});

Deno.test("symbol and timeframe come from the path by a pattern, unless it matches in two ways", () => {
  const text = "time,open,high,low,close,volume\n2024-01-02T14:30:00Z,1,1,1,1,1\n";
  const by = (pattern: string, path: string) => {
    const planned = compile(text, { symbolFrom: [pattern], stamp: "start" }, path);
    if (!planned.ok) return planned.questions.map(({ missing }) => missing);
    const { sources, dialect } = planned.plan;
    return [sources[0]?.from === "constant" && sources[0].value, dialect.timeframe];
  };
  assertEquals(by("{symbol}_{timeframe}.csv", "a/b/BRK_B_5min.csv.gz"), ["BRK_B", "5m"]);
  assertEquals(by("{base}_{quote}-{timeframe}.csv", "BTC_USDT-4h.csv"), ["BTC/USDT", "4h"]);
  assertEquals(by("{symbol}{minutes}.csv", "EURUSD60.csv"), ["EURUSD", "1h"]);
  assertEquals(by("{timeframe}/{symbol}.csv", "x/daily/AAPL.csv"), ["AAPL", "1d"]);
  assertEquals(by("{symbol}_{symbol2}.csv".replace("_{symbol2}", "-*"), "A-B-C.csv"), [
    "header lacks symbol",
    "Timeframe is not in the file",
  ]);
});

Deno.test("a counter is not a time, and the number of a download is not a symbol", () => {
  const dialect: Dialect = { timeframe: "1m", timeZone: "UTC", stamp: "start", symbolFrom: ["{ticker}.csv"] };
  assertEquals(asked(",Open,High,Low,Close,Volume\n0,1,1,1,1,1\n1,1,1,1,1,1\n", dialect, "AAPL.csv"), [
    'header lacks ts. Its first line is ",Open,High,Low,Close,Volume": add --column ts=NAME',
  ]);
  const text = "time,open,high,low,close,volume\n2024-01-02 14:30:00,1,1,1,1,1\n";
  assertEquals(asked(text, dialect, "data (3).csv"), [SYMBOL]);
  assertEquals(asked(text, dialect, "AAPL.csv"), []);
});

Deno.test("a volume that is empty in all rows is asked for", () => {
  const dialect: Dialect = { timeframe: "1m", stamp: "start", constants: { symbol: "A" } };
  const text = "time,open,high,low,close,volume\n2024-01-02T14:30:00Z,1,1,1,1,\n";
  assertEquals(asked(text, dialect), ["Volume is empty in all rows: add --constant volume=0"]);
});

Deno.test("each wrong key of a dialect is named with the expected value", () => {
  const read = readDialect({
    delimiter: ",,",
    timeZone: "EST",
    column: ["opn=O"],
    stamp: "middle",
    timeFormat: "%Q",
    symbolFrom: "{sym}.csv",
    what: 1,
  }, roles);
  if (read.ok) throw new Error("all of it is read");
  assertEquals(read.problems.map(({ key }) => key), [
    "delimiter",
    "timeZone",
    "column",
    "stamp",
    "timeFormat",
    "symbolFrom",
    "what",
  ]);
  for (const { message } of read.problems) assert(message.includes("expected"), message);
});
