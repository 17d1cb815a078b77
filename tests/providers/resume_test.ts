import { assertEquals, assertMatch } from "@std/assert";
import type { Destination } from "../../src/database/destination.ts";
import { createReplay } from "../../src/providers/replay.ts";
import type { ProviderSettings } from "../../src/providers/provider.ts";
import { frameSize } from "../../src/records/frame.ts";
import { csvFile, csvLine, gzip, HEADER } from "../support/bars.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext } from "./conformance.ts";
import { linesOf, recordsOf } from "../support/frames.ts";

/** A file that is read in several runs. */
async function openRuns(name = "bars.csv") {
  const directory = await makeDirectory();
  const path = `${directory.path}/${name}`;
  return {
    path,
    write: (content: string | Uint8Array) => directory.write(name, content),
    /** Reads the file, settling the first `settled` frames, and gives all that came. */
    async run(given: Partial<ProviderSettings> = {}, settled = Infinity, destination?: () => Promise<Destination>) {
      const settings = providerSettings({ file: [path], dataDir: `${directory.path}/data`, resume: true, ...given });
      const provider = createReplay(settings);
      const context = { ...createContext(), destination };
      const times: number[] = [];
      const lines: number[] = [];
      const rejected: number[] = [];
      for await (const frame of provider.open(context)) {
        times.push(...recordsOf(frame).map(({ ts }) => (ts - Date.UTC(2024, 0, 2, 14, 30)) / 60_000));
        lines.push(...linesOf(frame)!);
        rejected.push(...frame.rejected.map(({ line }) => line!));
        if (settled-- > 0) frame.ack("committed", frameSize(frame));
      }
      await provider.close?.();
      return { times, lines, rejected, notices: context.notices };
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** The numbers from `from` up to `to`, without `to`. */
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

for (const name of ["bars.csv", "bars.csv.gz"]) {
  Deno.test(`${name}: after a limit, --resume reads exactly the rest, with its lines`, async () => {
    await using runs = await openRuns(name);
    const content = csvFile(3000);
    await runs.write(name.endsWith(".gz") ? await gzip(content) : content);
    assertEquals((await runs.run({ limit: 1000 })).times, range(0, 1000));
    const rest = await runs.run();
    assertEquals(rest.times, range(1000, 3000));
    assertEquals(rest.lines, range(1002, 3002));
    assertEquals((await runs.run()).times, []);
  });
}

Deno.test("--resume reads unsettled records again, and no settled ones", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(3000));
  await runs.run({}, 2);
  assertEquals((await runs.run()).times, range(1000, 3000));
});

Deno.test("without --resume a file is read from its beginning", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(10));
  await runs.run();
  assertEquals((await runs.run({ resume: false })).times, range(0, 10));
});

Deno.test("--resume reads additions to a file", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(10));
  await runs.run();
  await runs.write(csvFile(12));
  const { times, lines, notices } = await runs.run();
  assertEquals([times, lines, notices], [[10, 11], [12, 13], []]);
});

Deno.test("--resume names the right lines where the last line had no newline yet", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(10).trimEnd());
  await runs.run();
  await runs.write(`${csvFile(11)}bad\n`);
  const { times, lines, rejected } = await runs.run();
  // The tenth bar comes again: it might have been half a line.
  assertEquals([times, lines, rejected], [[9, 10], [11, 12], [13]]);
});

Deno.test("--resume reads a last line again that was only half there, when it is whole", async () => {
  await using runs = await openRuns();
  const whole = csvFile(10);
  await runs.write(whole.slice(0, -20));
  await runs.run();
  await runs.write(csvFile(11));
  const { times, lines, rejected } = await runs.run();
  assertEquals([times, lines, rejected], [[9, 10], [11, 12], []]);
});

Deno.test("--resume names the right lines past quotes, blank lines, CR LF and non-ASCII", async () => {
  await using runs = await openRuns();
  const odd = ["", csvLine(0, "MÜNCHEN€𝄞"), `"AAPL",1m,${csvLine(1).split(",").slice(2)}`, "", csvLine(2)];
  await runs.write(`\uFEFF${HEADER}\r\n${odd.join("\r\n")}\r\nbad\r\n${csvLine(3)}\r\nbad too\r\n`);
  const first = await runs.run({ limit: 3 });
  assertEquals([first.times, first.lines], [[0, 1, 2], [3, 4, 6]]);
  const rest = await runs.run();
  assertEquals([rest.times, rest.lines, rest.rejected], [[3], [8], [7, 9]]);
});

Deno.test("--resume reads a file from its beginning when another has taken its place, and says so", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(10));
  await runs.run();
  await runs.write(
    `time,${HEADER}\n${csvLine(0)}`.replace("time,", "").replace("symbol,timeframe", "timeframe,symbol"),
  );
  const { notices, lines } = await runs.run();
  assertEquals(lines, [2]);
  assertMatch(notices[0], /is not the file that was read last time: reading it from its beginning/);
});

for (const count of [4, 40]) {
  for (const name of ["bars.csv", "bars.csv.gz"]) {
    Deno.test(`${name}: another file of the same header and ${count} lines, in place of 10, is read as a whole`, async () => {
      await using runs = await openRuns(name);
      const write = async (content: string) => await runs.write(name === "bars.csv" ? content : await gzip(content));
      await write(csvFile(10, "MSFT"));
      await runs.run();
      await write(csvFile(count));
      const { times, notices } = await runs.run();
      assertEquals([times, notices.length], [range(0, count), 1]);
    });
  }
}

const server: Destination = { id: "a", system: "1", database: "2", table: "3", timeline: "00000001", wal: "1000" };

for (
  const [change, words] of [
    [{ id: "b" }, "another database"],
    [{ system: "9" }, "another server"],
    [{ table: "9" }, "a table of bars created again, as by a restore"],
    [{ timeline: "00000002" }, "a server that was promoted or recovered meanwhile"],
    [{ wal: "999" }, "an earlier state of the server, as by a snapshot"],
  ] as const
) {
  Deno.test(`--resume reads a file again where records go to ${words}, and says so`, async () => {
    await using runs = await openRuns();
    await runs.write(csvFile(10));
    await runs.run({}, Infinity, () => Promise.resolve(server));
    const { times, notices } = await runs.run({}, Infinity, () => Promise.resolve({ ...server, ...change }));
    assertEquals(times, range(0, 10));
    assertEquals(notices, [`Records go to ${words}: what was read as "replay ${runs.path}" is read again`]);
  });
}

Deno.test("--resume continues if the destination is the same and has come further, and after an earlier version", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(10));
  await runs.run();
  assertEquals((await runs.run({}, Infinity, () => Promise.resolve(server))).times, []);
  await runs.write(csvFile(12));
  assertEquals((await runs.run({}, Infinity, () => Promise.resolve({ ...server, wal: "2000" }))).times, [10, 11]);
});

Deno.test("a destination restored in mid-run leaves no place that claims earlier records", async () => {
  await using runs = await openRuns();
  await runs.write(csvFile(10));
  let asked = 0;
  const restored = () => Promise.resolve(asked++ === 0 ? server : { ...server, table: "9" });
  const { notices } = await runs.run({}, Infinity, restored);
  assertEquals(notices.length, 1);
  const now = { ...server, table: "9" };
  assertEquals((await runs.run({}, Infinity, () => Promise.resolve(now))).times, range(0, 10));
});

for (const name of ["bars.csv", "bars.csv.gz"]) {
  Deno.test(`${name}: a correction of the same length in the middle of a file is noticed, and the file read again`, async () => {
    await using runs = await openRuns(name);
    const content = csvFile(3000);
    const write = async (text: string) => await runs.write(name.endsWith(".gz") ? await gzip(text) : text);
    await write(content);
    await runs.run();
    const lines = content.split("\n");
    lines[1500] = lines[1500].replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
    const corrected = lines.join("\n");
    assertEquals([corrected.length, corrected === content], [content.length, false]);
    await write(corrected);
    const { times, notices } = await runs.run();
    assertEquals(times, range(0, 3000));
    assertEquals(notices, [`"${runs.path}" is not the file that was read last time: reading it from its beginning`]);
  });
}
