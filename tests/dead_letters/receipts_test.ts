import { assert, assertEquals, assertRejects } from "@std/assert";
import { array, assert as assertProperty, asyncProperty, constantFrom, integer, record } from "fast-check";
import { createLetterCounter } from "../../src/dead_letters/count.ts";
import { holdLetters, LettersHeldError, readLetters } from "../../src/dead_letters/directory.ts";
import { listLetterFiles } from "../../src/dead_letters/files.ts";
import type { Refusal } from "../../src/dead_letters/letter.ts";
import { purgeLetters } from "../../src/dead_letters/purge.ts";
import { createReceiptWriter, type LocatedLetter, receiptsPath } from "../../src/dead_letters/receipts.ts";
import { openDeadLetters } from "../../src/dead_letters/write.ts";
import { makeDirectory } from "../support/providers.ts";

const refusal: Refusal = { cause: "refused", reason: "no: really", sqlstate: "23514", attempts: 2 };

function write(directory: string, symbols: readonly string[], maxFileBytes?: number): Promise<void> {
  return openDeadLetters({ directory, maxFileBytes }).write(
    symbols.map((symbol) => ({ cause: "aborted", reason: "stopped", kind: "bar", provider: "p", item: { symbol } })),
  );
}

const symbolOf = ({ letter }: LocatedLetter) => (letter.items[0] as { symbol: string }).symbol;

/** Letters by symbol, each with its count of replays. */
async function read(directory: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const located of readLetters(directory)) found[symbolOf(located)] = located.letter.metadata.replays ?? 0;
  return found;
}

/** Gives receipts: `undefined` for a letter that is stored. */
async function note(directory: string, fates: Readonly<Record<string, Refusal | undefined>>): Promise<void> {
  const receipts = createReceiptWriter();
  for await (const located of readLetters(directory)) {
    if (symbolOf(located) in fates) receipts.note(located, fates[symbolOf(located)]);
  }
  await receipts.flush();
}

Deno.test("receipts count for readers before they are put into effect, and stay when they are", async () => {
  await using directory = await makeDirectory();
  await write(directory.path, ["A", "B", "C"]);
  await note(directory.path, { A: undefined, B: refusal });
  const count = createLetterCounter(directory.path);
  assertEquals([await read(directory.path), await count()], [{ B: 1, C: 0 }, 2]);
  (await holdLetters(directory.path))[Symbol.dispose]();
  assertEquals([await read(directory.path), await count()], [{ B: 1, C: 0 }, 2]);
  assertEquals([...Deno.readDirSync(directory.path)].filter(({ name }) => name.endsWith(".receipts")), []);
});

Deno.test("a letter that is refused again shows the newest reason, and the record that was tried", async () => {
  await using directory = await makeDirectory();
  await write(directory.path, ["A"]);
  await note(directory.path, { A: refusal });
  (await holdLetters(directory.path))[Symbol.dispose]();
  await note(directory.path, { A: refusal });
  for await (const { letter: { error, metadata } } of readLetters(directory.path)) {
    assertEquals([error, metadata.cause, metadata.reason, metadata.sqlstate], ["no: really", "refused", "no", "23514"]);
    assertEquals([metadata.replays, metadata.attempts], [2, 4]);
  }
});

Deno.test("receipts that a crash has left beside a file already rewritten say nothing", async () => {
  await using directory = await makeDirectory();
  await write(directory.path, ["A", "B", "C", "D"]);
  const [path] = await listLetterFiles(directory.path);
  await note(directory.path, { A: undefined, B: refusal });
  const left = await Deno.readFile(receiptsPath(path));
  (await holdLetters(directory.path))[Symbol.dispose]();
  await Deno.writeFile(receiptsPath(path), left);
  assertEquals(await read(directory.path), { B: 1, C: 0, D: 0 });
  (await holdLetters(directory.path))[Symbol.dispose]();
  assertEquals(await read(directory.path), { B: 1, C: 0, D: 0 });
});

Deno.test("a receipt cut by a crash does not count, and does not spoil the next", async () => {
  await using directory = await makeDirectory();
  await write(directory.path, ["A", "B", "C"]);
  const [path] = await listLetterFiles(directory.path);
  await note(directory.path, { A: undefined, B: undefined });
  const whole = await Deno.readFile(receiptsPath(path));
  await Deno.writeFile(receiptsPath(path), whole.subarray(0, whole.length - 3));
  assertEquals(await read(directory.path), { B: 0, C: 0 });
  await note(directory.path, { C: undefined });
  assertEquals(await read(directory.path), { B: 0 });
});

Deno.test("only one process may change letters at a time; letters can be added meanwhile, and only its own are purged", async () => {
  await using directory = await makeDirectory();
  await write(directory.path, ["A", "B"]);
  using held = await holdLetters(directory.path);
  await assertRejects(() => holdLetters(directory.path), LettersHeldError, "Wait for its end");
  await write(directory.path, ["C"]);
  assertEquals(await purgeLetters(held, () => true, 2), 2);
  assertEquals(await read(directory.path), { C: 0 });
});

const step = record({
  action: constantFrom("write", "replay", "replay", "hold", "crash after rewriting", "purge one"),
  count: integer({ min: 1, max: 5 }),
  stored: integer({ min: 0, max: 255 }),
  refused: integer({ min: 0, max: 255 }),
});

Deno.test("each letter stays until it is done, in any order of writes, replays, kills and purges", async () => {
  await assertProperty(
    asyncProperty(
      array(step, { maxLength: 12 }),
      async (steps) => {
        await using directory = await makeDirectory();
        const model = new Map<string, number>();
        let made = 0;
        for (const each of steps) {
          if (each.action === "write") {
            const symbols = Array.from({ length: each.count }, () => `S${made++}`);
            await write(directory.path, symbols, 600);
            for (const symbol of symbols) model.set(symbol, 0);
          } else if (each.action === "replay") {
            // What a replay does first; what it notes is left as if it had been killed then.
            (await holdLetters(directory.path))[Symbol.dispose]();
            const fates: Record<string, Refusal | undefined> = {};
            for (const [at, symbol] of [...model.keys()].entries()) {
              if (each.stored >> at % 8 & 1) fates[symbol] = undefined;
              else if (each.refused >> at % 8 & 1) fates[symbol] = refusal;
            }
            await note(directory.path, fates);
            for (const [symbol, fate] of Object.entries(fates)) {
              if (fate === undefined) model.delete(symbol);
              else model.set(symbol, model.get(symbol)! + 1);
            }
          } else if (each.action === "purge one") {
            using held = await holdLetters(directory.path);
            assertEquals(await purgeLetters(held, () => true, 1), Math.min(model.size, 1));
            const [first] = model.keys();
            if (first !== undefined) model.delete(first);
          } else {
            const receipts = (await listLetterFiles(directory.path)).map(receiptsPath);
            const kept = await Promise.all(receipts.map((path) => Deno.readFile(path).catch(() => undefined)));
            (await holdLetters(directory.path))[Symbol.dispose]();
            if (each.action === "crash after rewriting") {
              for (const [at, bytes] of kept.entries()) {
                if (bytes !== undefined) await Deno.writeFile(receipts[at], bytes);
              }
            }
          }
          assertEquals(await read(directory.path), Object.fromEntries(model));
        }
        assert(await createLetterCounter(directory.path)() === model.size);
      },
    ),
    { numRuns: 60 },
  );
});
