import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { createLetterCounter } from "../../src/dead_letters/count.ts";
import { readLetters, withLock } from "../../src/dead_letters/directory.ts";
import { listLetterFiles, rewriteLines } from "../../src/dead_letters/files.ts";
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import { openDeadLetters } from "../../src/dead_letters/write.ts";
import type { PipelineEvent } from "../../src/events.ts";
import { testWhere } from "../support/skip.ts";
import { makeDirectory } from "../support/providers.ts";

function letter(symbol: string, reason = "high is wrong: 5"): DeadLetter {
  return {
    cause: "refused",
    reason,
    sqlstate: "23514",
    kind: "bar",
    provider: "replay",
    location: "bars.csv:7",
    attempts: 3,
    item: { symbol },
  };
}

async function symbolsIn(directory: string): Promise<string[]> {
  const symbols: string[] = [];
  for await (const { letter } of readLetters(directory)) symbols.push((letter.items[0] as { symbol: string }).symbol);
  return symbols;
}

/** Removes lines of a file. */
function drop(path: string, ...lines: number[]): Promise<void> {
  return rewriteLines(path, (line, text) => lines.includes(line) ? undefined : text);
}

Deno.test("a letter is one line of JSON with ts, error, metadata and items", async () => {
  await using directory = await makeDirectory();
  await openDeadLetters({ directory: directory.path }).write([letter("A")]);
  const [path] = await listLetterFiles(directory.path);
  const line = await Deno.readTextFile(path);
  assertMatch(line, /^\{[^\n]*\}\n$/);
  const { ts, ...rest } = JSON.parse(line);
  assertEquals(Math.abs(Date.now() / 1000 - ts) < 60, true);
  assertEquals(rest, {
    error: "high is wrong: 5",
    metadata: {
      cause: "refused",
      reason: "high is wrong",
      sqlstate: "23514",
      kind: "bar",
      provider: "replay",
      location: "bars.csv:7",
      attempts: 3,
    },
    items: [{ symbol: "A" }],
  });
});

Deno.test("nothing is created before the first letter, and then for its owner alone", async () => {
  await using parent = await makeDirectory();
  const directory = join(parent.path, "dead-letters");
  const letters = openDeadLetters({ directory });
  await letters.write([]);
  assertEquals([...Deno.readDirSync(parent.path)], []);
  await letters.write([letter("A")]);
  if (Deno.build.os === "windows") return;
  assertEquals(Deno.statSync(directory).mode! & 0o777, 0o700);
  for (const path of await listLetterFiles(directory)) assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
});

Deno.test("a listener hears of letters once they are safe, and not if they could not be kept", async () => {
  await using parent = await makeDirectory();
  const events: PipelineEvent[] = [];
  const emit = (event: PipelineEvent) => void events.push(event);
  await openDeadLetters({ directory: join(parent.path, "good"), emit }).write([letter("A"), letter("B")]);
  assertEquals(events.map(({ type }) => type), ["dead-lettered", "dead-lettered"]);
  const directory = await parent.write("file", "");
  const error = await assertRejects(() => openDeadLetters({ directory, emit }).write([letter("A")]), Error);
  assertMatch(error.message, /Cannot write 1 dead letters to ".*file": make room or give the right to write there/);
  assertEquals(events.length, 2);
});

Deno.test("a file that has reached its size is followed by a new one, and all are read in order", async () => {
  await using directory = await makeDirectory();
  const letters = openDeadLetters({ directory: directory.path, maxFileBytes: 500 });
  const symbols = Array.from({ length: 20 }, (_, at) => `S${at}`);
  for (const symbol of symbols) await letters.write([letter(symbol)]);
  assertEquals((await listLetterFiles(directory.path)).length, 7);
  assertEquals(await symbolsIn(directory.path), symbols);
});

Deno.test("a torn last line is cut before the next letter, with a warning", async () => {
  await using directory = await makeDirectory();
  const notices: string[] = [];
  const letters = openDeadLetters({ directory: directory.path, warn: (message) => notices.push(message) });
  await letters.write([letter("A")]);
  const [path] = await listLetterFiles(directory.path);
  await Deno.writeTextFile(path, '{"ts":1,"items":[{"sym', { append: true });
  assertEquals(await symbolsIn(directory.path), ["A"]);
  await letters.write([letter("B")]);
  assertEquals(await symbolsIn(directory.path), ["A", "B"]);
  assertEquals(notices, [`Cut an unfinished dead letter of 22 B at the end of "${path}"`]);
});

Deno.test("a torn line longer than a block, alone in its file, is cut too", async () => {
  await using directory = await makeDirectory();
  await directory.write("2020.ndjson", "x".repeat(200_000));
  await openDeadLetters({ directory: directory.path }).write([letter("A")]);
  assertEquals(await symbolsIn(directory.path), ["A"]);
});

Deno.test("writers in several processes lose no letter", async () => {
  await using directory = await makeDirectory();
  const script = `
    const { openDeadLetters } = await import(${JSON.stringify(import.meta.resolve("../../src/dead_letters/write.ts"))});
    const letters = openDeadLetters({ directory: ${JSON.stringify(directory.path)}, maxFileBytes: 2000 });
    for (let at = 0; at < 50; at++) {
      await letters.write([{ cause: "invalid", reason: "x", kind: "bar", provider: "p", item: { symbol: Deno.args[0] + at } }]);
    }`;
  const path = await directory.write("writer.ts", script);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const outputs = await Promise.all(
    ["A", "B"].map((name) =>
      new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", "--config", config, path, name] }).output()
    ),
  );
  assertEquals(outputs.map(({ code }) => code), [0, 0]);
  const expected = ["A", "B"].flatMap((name) => Array.from({ length: 50 }, (_, at) => `${name}${at}`));
  assertEquals((await symbolsIn(directory.path)).sort(), expected.sort());
});

Deno.test("removing lines keeps the others as they were, and removes an empty file", async () => {
  await using directory = await makeDirectory();
  await openDeadLetters({ directory: directory.path }).write(["A", "B", "C"].map((symbol) => letter(symbol)));
  const [path] = await listLetterFiles(directory.path);
  await withLock(directory.path, () => drop(path, 2));
  assertEquals(await symbolsIn(directory.path), ["A", "C"]);
  await withLock(directory.path, () => drop(path, 1, 2));
  assertEquals(await listLetterFiles(directory.path), []);
});

Deno.test("the counter follows added and removed lines", async () => {
  await using directory = await makeDirectory();
  const count = createLetterCounter(directory.path);
  assertEquals(await count(), 0);
  await openDeadLetters({ directory: directory.path }).write([letter("A"), letter("B")]);
  assertEquals(await count(), 2);
  const [path] = await listLetterFiles(directory.path);
  await drop(path, 1);
  assertEquals(await count(), 1);
});

Deno.test("lines that are not letters are left out, and stay in place", async () => {
  await using directory = await makeDirectory();
  await directory.write("2020.ndjson", 'nonsense\n{"items":1}\n');
  const letters = openDeadLetters({ directory: directory.path });
  await letters.write([letter("A")]);
  assertEquals(await symbolsIn(directory.path), ["A"]);
  const [path] = await listLetterFiles(directory.path);
  await drop(path, 3);
  assertEquals(await Deno.readTextFile(path), 'nonsense\n{"items":1}\n');
});

/** A small file system of its own. */
async function mountSmall(path: string): Promise<void> {
  const { success } = await new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=64k", "none", path] })
    .output();
  if (!success) throw new Error(`Cannot mount a file system at "${path}"`);
}
const cannotMount = Deno.build.os === "linux" && Deno.uid() === 0
  ? undefined
  : "only root can mount a small file system";

testWhere(cannotMount, "on a full disk letters are refused as a whole, and kept once there is room", async () => {
  await using directory = await makeDirectory();
  await mountSmall(directory.path);
  try {
    const letters = openDeadLetters({ directory: directory.path });
    await letters.write([letter("A")]);
    await Deno.writeFile(join(directory.path, "filler"), new Uint8Array(40_000));
    const many = Array.from({ length: 300 }, (_, at) => letter(`S${at}`));
    await assertRejects(() => letters.write(many), Error, "make room");
    assertEquals(await symbolsIn(directory.path), ["A"]);
    await Deno.remove(join(directory.path, "filler"));
    await letters.write([letter("B")]);
    assertEquals(await symbolsIn(directory.path), ["A", "B"]);
  } finally {
    await new Deno.Command("umount", { args: [directory.path] }).output();
  }
});
