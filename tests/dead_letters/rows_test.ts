import { assert, assertEquals } from "@std/assert";
import { createLetterCounter } from "../../src/dead_letters/count.ts";
import { holdLetters, readLetters } from "../../src/dead_letters/directory.ts";
import { listLetterFiles } from "../../src/dead_letters/files.ts";
import { type DeadLetter, formatLetter, type StoredLetter } from "../../src/dead_letters/letter.ts";
import { purgeLetters } from "../../src/dead_letters/purge.ts";
import { createReceiptWriter } from "../../src/dead_letters/receipts.ts";
import { openDeadLetters } from "../../src/dead_letters/write.ts";
import { makeDirectory } from "../support/providers.ts";

/** A row of a file that has no zone in its times. */
function row(line: number, source = "/data/bars.csv", symbol = "AAPL"): DeadLetter {
  const ts = `2024-01-02 14:${String(line % 60).padStart(2, "0")}`;
  const item = { symbol, ts, open: "168.01", high: "168.20", low: "167.90", close: "168.10", volume: String(line) };
  const reason = `ts is not ISO 8601 with a zone: ${JSON.stringify(ts)}`;
  return { cause: "invalid", reason, kind: "bar", provider: "replay", location: `${source}:${line}`, item };
}

const rows = (count: number, source?: string) => Array.from({ length: count }, (_, at) => row(at + 2, source));
const linesOf = async (directory: string) =>
  (await Array.fromAsync(readLetters(directory))).map(({ letter }) => letter.metadata.location!.split(":")[1]);

async function textOf(directory: string): Promise<string> {
  const files = await listLetterFiles(directory);
  return (await Promise.all(files.map((path) => Deno.readTextFile(path)))).join("");
}

Deno.test("rows that share a reason share a header, are read as whole letters, and cost less than 4 times their rows", async () => {
  await using directory = await makeDirectory();
  const written = rows(500);
  await openDeadLetters({ directory: directory.path }).write(written);
  const read = (await Array.fromAsync(readLetters(directory.path))).map(({ letter }) => letter);
  const [{ ts }] = read;
  assertEquals(read, written.map((letter) => JSON.parse(formatLetter(letter, ts * 1000)) as StoredLetter));
  const source = written.map(({ item }) => `${Object.values(item as object).join(",")}\n`).join("");
  const size = (await textOf(directory.path)).length;
  assert(size < 4 * source.length, `${size} bytes for ${source.length}`);
});

Deno.test("letters of today's form are read beside rows, and rows of several reasons and files beside each other", async () => {
  await using directory = await makeDirectory();
  const alone = row(9, "/data/alone.csv");
  const other = rows(3, "/data/other.csv").map((each) => ({ ...each, reason: "symbol is not text: null" }));
  await directory.write("2020.ndjson", formatLetter(alone, 1000));
  const letters = openDeadLetters({ directory: directory.path });
  await letters.write([...rows(3), ...other, row(7, "/data/few.csv")]);
  await letters.write(other);
  const found = (await Array.fromAsync(readLetters(directory.path))).map(({ letter: { error, metadata } }) =>
    `${metadata.location} ${error.split(":")[0]}`
  );
  const zone = "ts is not ISO 8601 with a zone";
  const told = ["/data/other.csv:2", "/data/other.csv:3", "/data/other.csv:4"].map((each) =>
    `${each} symbol is not text`
  );
  assertEquals(found, [
    `/data/alone.csv:9 ${zone}`,
    ...[2, 3, 4].map((line) => `/data/bars.csv:${line} ${zone}`),
    ...told,
    `/data/few.csv:7 ${zone}`,
    ...told,
  ]);
});

Deno.test("rows are counted, receive receipts, are changed and removed one by one, and the last takes its header along", async () => {
  await using directory = await makeDirectory();
  const count = createLetterCounter(directory.path);
  const letters = openDeadLetters({ directory: directory.path });
  await letters.write(rows(5));
  await letters.write(rows(5, "/data/other.csv"));
  assertEquals(await count(), 10);
  const receipts = createReceiptWriter();
  for await (const located of readLetters(directory.path)) {
    const { location } = located.letter.metadata;
    if (location === "/data/bars.csv:2") receipts.note(located);
    if (location === "/data/bars.csv:3") receipts.note(located, { cause: "invalid", reason: "no: again" });
  }
  await receipts.flush();
  assertEquals([await count(), (await linesOf(directory.path)).join()], [9, "3,4,5,6,2,3,4,5,6"]);
  using held = await holdLetters(directory.path);
  assertEquals([await count(), (await linesOf(directory.path)).join()], [9, "3,4,5,6,2,3,4,5,6"]);
  const [{ letter }] = await Array.fromAsync(readLetters(directory.path));
  assertEquals([letter.metadata.replays, letter.items], [1, [row(3).item]]);
  await purgeLetters(held, ({ letter }) => letter.metadata.location!.startsWith("/data/bars.csv"));
  assertEquals((await linesOf(directory.path)).join(), "2,3,4,5,6");
  assertEquals((await textOf(directory.path)).match(/"header"/g)?.length, 1);
  await purgeLetters(held, () => true);
  assertEquals(await listLetterFiles(directory.path), []);
});

Deno.test("receipts of the row of one file that a crash has left say nothing of the same row of another", async () => {
  await using directory = await makeDirectory();
  const letters = openDeadLetters({ directory: directory.path });
  await letters.write(rows(3));
  await letters.write(rows(3, "/data/copy.csv"));
  const [path] = await listLetterFiles(directory.path);
  const receipts = createReceiptWriter();
  for await (const located of readLetters(directory.path)) {
    if (located.letter.metadata.location!.startsWith("/data/bars.csv")) receipts.note(located);
  }
  await receipts.flush();
  const left = await Deno.readFile(`${path}.receipts`);
  (await holdLetters(directory.path))[Symbol.dispose]();
  await Deno.writeFile(`${path}.receipts`, left);
  assertEquals((await linesOf(directory.path)).join(), "2,3,4");
});
