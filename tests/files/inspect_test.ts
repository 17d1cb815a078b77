import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inspectFile } from "../../src/providers/replay/inspect.ts";
import { findDoubts } from "../../src/providers/replay/doubts.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { FORMAT_FILES, given, optionsOf, pathOf, readBars } from "../support/formats.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const kinds = [recordKinds.bar] as never;
const inspect = (path: string, answers: Parameters<typeof given>[0] = {}) =>
  inspectFile({ path }, { kinds, timeframe: "1m", timeUnit: "iso", format: given(answers) });

for (const each of FORMAT_FILES) {
  const { format, file, answers = {} } = each;
  Deno.test(`${format}: the command that inspect prints of ${file} loads the same bars`, async () => {
    const path = pathOf(each);
    const expected = await readBars(path, given({ format, ...answers }));
    const { command = "", questions, refused, sampled } = await inspect(path, { format, ...answers });
    assertEquals([questions, refused, sampled?.accepted], [undefined, [], expected.bars.length]);
    const { file: named, ...options } = optionsOf(command);
    assertEquals(named, path);
    const { bars } = await readBars(path, given(options));
    const plain = (all: readonly Bar[]) => all.map(({ receivedAt: _, ...bar }) => bar);
    assertEquals(plain(bars), plain(expected.bars));
  });
}

Deno.test("inspect of a file without a known format prints a command with all findings", async () => {
  await using work = await openWorkspace();
  const path = await work.write("x.csv", "Date;Open;High;Low;Close;Volume\n13.01.2010 10:00;1,5;2;1;1,75;100\n");
  const answers = { constant: "symbol=DAX", timeframe: "1m", timeZone: "Europe/Berlin", stamp: "end" };
  const { command, first } = await inspect(path, answers);
  assertEquals(
    command,
    `barline ingest --file ${path} --delimiter ';' --decimal , --constant symbol=DAX --timeframe 1m --time-format ` +
      "'%d.%m.%Y %H:%M[:%S[.%f]]' --time-zone Europe/Berlin --stamp end",
  );
  assertEquals(first?.map((bar) => (bar as { ts: string }).ts), ["2010-01-13T08:59:00.000Z"]);
});

Deno.test("inspect reads the head, the middle and the end of a large file, and shows its last bars", async () => {
  await using work = await openWorkspace();
  const at = (minute: number) => new Date(Date.UTC(2024, 0, 1) + minute * 60_000).toISOString();
  const lines = Array.from({ length: 60_000 }, (_, minute) => `A,1m,${at(minute)},1,2,1,1.5,${minute + 1}`);
  const path = await work.write(
    "bars.csv",
    ["symbol,timeframe,ts,open,high,low,close,volume", ...lines, ""].join("\n"),
  );
  const { last, sampled, refused } = await inspect(path);
  assertEquals(refused, []);
  assertEquals(last?.at(-1), {
    symbol: "A",
    timeframe: "1m",
    ts: at(59_999),
    open: 1,
    high: 2,
    low: 1,
    close: 1.5,
    volume: 60_000,
    status: "final",
  });
  assertEquals(sampled!.rows > 5000 && sampled!.rows < 12_000, true);
});

/** Bars a minute apart from half past nine in New York. */
function bars(count: number, change: (at: number) => Partial<Bar> = () => ({})): Bar[] {
  return Array.from({ length: count }, (_, at) => ({
    ...{ provider: "replay", symbol: "A", timeframe: "1m", ts: Date.UTC(2024, 0, 2, 14, 30 + at), open: 10, high: 12 },
    ...{ low: 9, close: 11, volume: 123 + at, status: "final", receivedAt: 0 },
    ...change(at),
  } as Bar));
}

const doubtful: Record<string, [Bar[], RegExp]> = {
  "prices that are 10,000 times too large": [
    bars(9, () => ({ open: 645_100, close: 645_200 })),
    /--price-scale 0.0001/,
  ],
  "volumes in lots": [bars(9, (at) => ({ volume: 100 * at + 100 })), /multiples of 100/],
  "high below low in every row": [bars(9, () => ({ high: 1 })), /High is below low in every row/],
  "times on :59": [bars(9, (at) => ({ ts: Date.UTC(2024, 0, 2, 14, 30 + at, 59) })), /:59: .* --stamp end/],
  "a timeframe that does not match the distances": [
    bars(9, (at) => ({ ts: Date.UTC(2024, 0, 2, 14, 5 * at) })),
    /5m apart, and not 1m: --timeframe 5m/,
  ],
  "a session that begins at 09:31": [
    bars(9, (at) => ({ ts: Date.UTC(2024, 0, 2, 14, 31 + at) })),
    /09:31 .* --stamp end/,
  ],
  "two bars of one time": [bars(9, (at) => ({ ts: Date.UTC(2024, 0, 2, 14, 30 + Math.floor(at / 2)) })), /4 of 9 bars/],
};
for (const [name, [all, warning]] of Object.entries(doubtful)) {
  Deno.test(`inspect warns of ${name}`, () => assertMatch(findDoubts(all, "start").join("\n"), warning));
}
Deno.test("inspect gives no warning of sound bars", () => assertEquals(findDoubts(bars(9), "start"), []));

const server = await startSharedServer();
Deno.test("barline inspect names all missing answers and exits 1, and nothing is made on disk", async () => {
  await using work = await openWorkspace(server);
  const path = await work.write("data.csv", "Date,Open,High,Low,Close,Volume\n2024-01-02 09:30,1,2,0.5,1.5,100\n");
  const { code, stdout } = await work.run(["inspect", path]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "Times have no zone: add --time-zone America/New_York");
  assertStringIncludes(
    stdout,
    `barline ingest --file ${path} --constant symbol=SYMBOL --time-zone ZONE --stamp START-OR-END --timeframe TIMEFRAME`,
  );
  const dry = await work.run(["ingest", "--dry-run", "--file", path, "--json"]);
  assertEquals([dry.code, JSON.parse(dry.stdout).questions.length], [1, 4]);
  assertEquals([...Deno.readDirSync(work.directory)].map(({ name }) => name), ["data.csv"]);
});
