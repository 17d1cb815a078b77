import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createReplay } from "../../src/providers/replay.ts";
import { type ProviderSettings, SettingError } from "../../src/providers/provider.ts";
import type { Frame } from "../../src/records/frame.ts";
import type { OptionSnapshot } from "../../src/records/option.ts";
import { recordKind } from "../../src/records/mod.ts";
import { csvFile, csvLine, gzip, HEADER } from "../support/bars.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext, readFrames, testProvider } from "./conformance.ts";
import { linesOf, recordsOf } from "../support/frames.ts";

for (const [name, speed] of [["replay", undefined], ["replay at a speed", 1e9]] as const) {
  testProvider(name, {
    async make() {
      const directory = await makeDirectory();
      // Of one minute, so that at a speed frames stay whole.
      const lines = Array.from({ length: 5000 }, (_, at) => csvLine(0, `S${at}`));
      const file = [await directory.write("bars.csv", [HEADER, ...lines].join("\n"))];
      return {
        provider: createReplay(providerSettings({ file, speed, dataDir: directory.path })),
        [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
      };
    },
  });
}

/** Reads one file and gives its bars, and what was rejected with its line. */
async function read(name: string, content: string | Uint8Array, given: Partial<ProviderSettings> = {}) {
  await using directory = await makeDirectory();
  const file = [await directory.write(name, content)];
  const provider = createReplay(providerSettings({ file, dataDir: directory.path, ...given }));
  const frames = await readFrames(provider.open(createContext()));
  return {
    bars: frames.flatMap((frame) => recordsOf(frame)),
    lines: frames.flatMap((frame) => linesOf(frame)!),
    rejected: frames.flatMap(({ rejected }) => rejected).map(({ line, reason }) => `${line} ${reason.split(": ")[0]}`),
    frames,
  };
}

/** The bar of each spelling below. */
const EXPECTED = { symbol: "AAPL", timeframe: "1m", open: 100.5, high: 101, low: 100, close: 100.25, volume: 1000 };
const TS = Date.UTC(2024, 0, 2, 14, 30);

const spellings: Record<string, string> = {
  "columns in any order, others ignored":
    "id,volume,close,low,high,open,note,ts,timeframe,symbol\n7,1000,100.25,100,101,100.5,x,2024-01-02T14:30:00Z,1m,AAPL\n",
  "other names of columns":
    "Ticker,Interval,Timestamp,O,H,L,C,V\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\n",
  "lines that end in CR LF": `${HEADER}\r\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\r\n`,
  "a mark of byte order": `\uFEFF${HEADER}\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\n`,
  "quotes":
    `"symbol",timeframe,"ts",open,high,low,close,volume\n"AAPL",1m,"2024-01-02T14:30:00Z",100.5,101,100,"100.25",1000\n`,
  "semicolons": `${HEADER}\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\n`.replaceAll(",", ";"),
  "tabs": `${HEADER}\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\n`.replaceAll(",", "\t"),
  "blank lines": `${HEADER}\n\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\n\n\n`,
  "a last line without newline": `${HEADER}\nAAPL,1m,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000`,
  "a time with an offset": `${HEADER}\nAAPL,1m,2024-01-02T09:30:00-05:00,100.5,101,100,100.25,1000\n`,
  "no timeframe": "symbol,ts,open,high,low,close,volume\nAAPL,2024-01-02T14:30:00Z,100.5,101,100,100.25,1000\n",
  "NDJSON": JSON.stringify({ ...EXPECTED, ts: "2024-01-02T14:30:00Z", more: [1] }) + "\n",
  "NDJSON after a mark of byte order": "\uFEFF" + JSON.stringify({ ...EXPECTED, ts: "2024-01-02T14:30:00Z" }) + "\n",
  "NDJSON with other names and numbers as text":
    '{"ticker":"AAPL","time":"2024-01-02T14:30:00Z","o":"100.5","h":"101","l":"100","c":100.25,"v":1e3}\r\n',
};
for (const [name, content] of Object.entries(spellings)) {
  Deno.test(`replay reads ${name}`, async () => {
    const { bars, rejected } = await read("bars", content);
    assertEquals(rejected, []);
    const [{ receivedAt: _, ...bar }] = bars;
    assertEquals(bar, { ...EXPECTED, provider: "replay", ts: TS, status: "final" });
  });
}

for (const [timeUnit, time] of [["s", "1704205800"], ["ms", "1704205800000"], ["us", "1704205800000000"]] as const) {
  Deno.test(`replay reads times in ${timeUnit} on request`, async () => {
    const { bars } = await read("bars.csv", `${HEADER}\nAAPL,1m,${time},1,1,1,1,1\n`, { timeUnit });
    assertEquals(bars[0].ts, TS);
  });
}

Deno.test("replay reads times in ns, from text and as JSON numbers", async () => {
  const csv = await read("bars.csv", `${HEADER}\nAAPL,1m,1704205800000001999,1,1,1,1,1\n`, { timeUnit: "ns" });
  assertEquals(csv.bars[0].ts, TS + 0.001);
  const json = '{"symbol":"A","ts":1704205800000000000,"open":1,"high":1,"low":1,"close":1,"volume":1}\n';
  assertEquals((await read("bars.ndjson", json, { timeUnit: "ns" })).bars[0].ts, TS);
});

Deno.test("replay never guesses a unit: a number without --time-unit is rejected, and the option is named", async () => {
  const { frames } = await read("bars.csv", `${HEADER}\nAAPL,1m,1704205800,1,1,1,1,1\n`);
  assertStringIncludes(frames[0].rejected[0].reason, "--time-unit");
});

Deno.test("replay unpacks gzip, also of several members", async () => {
  const [first, second] = [await gzip(csvFile(10)), await gzip(`${csvLine(10)}\n`)];
  const { bars } = await read("bars.csv.gz", new Uint8Array([...first, ...second]));
  assertEquals(bars.length, 11);
});

Deno.test("replay names the line of each bad record, past quotes, blank lines and non-ASCII", async () => {
  const lines = ["bad", csvLine(0), "", csvLine(1, "MÜNCHEN€𝄞"), "also,bad", `"${csvLine(2)}`, "", csvLine(3)];
  const { rejected, lines: good, bars } = await read("bars.csv", `${HEADER}\r\n${lines.join("\r\n")}`);
  assertEquals(rejected, [
    "2 line has not as many fields as the header",
    "6 line has not as many fields as the header",
    "7 line has an unclosed quote",
  ]);
  assertEquals(good, [3, 5, 9]);
  assertEquals(bars[1].symbol, "MÜNCHEN€𝄞");
});

Deno.test("replay keeps unreadable records, by the names of its fields if it can", async () => {
  const { frames } = await read("bars.csv", `${HEADER}\nAAPL,1m,yesterday,1,1,1,1,1\nnothing\n`);
  assertEquals(frames[0].rejected.map(({ item }) => item), [
    { symbol: "AAPL", timeframe: "1m", ts: "yesterday", open: "1", high: "1", low: "1", close: "1", volume: "1" },
    { raw: "nothing" },
  ]);
});

Deno.test("replay reads several files and globs, each file once, those of a glob in order of their names", async () => {
  await using directory = await makeDirectory();
  for (const name of ["b.csv", "a.csv", "deep/er/c.csv"]) await directory.write(name, csvFile(1, name));
  const sources = async (file: string[]) => {
    const provider = createReplay(providerSettings({ file, dataDir: directory.path }));
    const frames: Frame[] = await readFrames(provider.open(createContext()));
    return frames.map(({ source }) => source!.slice(directory.path.length + 1));
  };
  const { path } = directory;
  assertEquals(await sources([`${path}/*.csv`, `${path}/b.csv`]), ["a.csv", "b.csv"]);
  assertEquals(await sources([`${path}/**/*.csv`]), ["a.csv", "b.csv", "deep/er/c.csv"]);
  assertEquals(await sources([`${path}/d*/*/?.csv`]), ["deep/er/c.csv"]);
});

Deno.test("replay reads no more lines than the limit", async () => {
  const { bars } = await read("bars.csv", csvFile(2000), { limit: 777 });
  assertEquals(bars.length, 777);
});

Deno.test("replay fails at the end when one of several files cannot be read, and reports it at once", async () => {
  await using directory = await makeDirectory();
  const file = [await directory.write("1.csv", "nothing\n"), await directory.write("2.csv", csvFile(3))];
  const context = createContext();
  const reader = createReplay(providerSettings({ file })).open(context).getReader();
  assertEquals((await reader.read()).value?.columns.count, 3);
  assertEquals(context.notices.length, 1);
  await assertRejects(() => reader.read(), Error, "header lacks symbol");
});

Deno.test("replay refuses to resume standard input, and to start without a file", () => {
  assertThrows(() => createReplay(providerSettings({ file: ["-"], resume: true })), SettingError, "leave out --resume");
  assertThrows(() => createReplay(providerSettings({})), SettingError, "--file PATH");
});

Deno.test("replay reports its progress in bytes", async () => {
  await using directory = await makeDirectory();
  const content = csvFile(5000);
  const provider = createReplay(providerSettings({ file: [await directory.write("bars.csv", content)] }));
  assertEquals(provider.progress?.(), { done: 0, total: content.length });
  await readFrames(provider.open(createContext()));
  assertEquals(provider.progress?.(), { done: content.length, total: content.length });
});

Deno.test("replay finds a field by the name that JSON has for it, in capitals as in none", async () => {
  const header = "underlying,expiry,type,strike,ts,openInterest,IMPLIEDVOLATILITY";
  const { frames } = await read("options.csv", `${header}\nSPY,2024-01-19,C,470,2024-01-02T14:30:00Z,12,0.15\n`, {
    kinds: [recordKind("option")],
  });
  const [{ openInterest, iv }] = recordsOf<OptionSnapshot>(frames[0], "option");
  assertEquals([openInterest, iv], [12, 0.15]);
});
