import { delay } from "@std/async/delay";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createReplay } from "../../src/providers/replay.ts";
import { type ProviderSettings, SettingError } from "../../src/providers/provider.ts";
import { frameSize } from "../../src/records/frame.ts";
import { csvFile, csvLine, gzip, HEADER } from "../support/bars.ts";
import { recordsOf } from "../support/frames.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext } from "./conformance.ts";

/** Follows files of a directory, and gives the minutes of the bars as they come. */
async function openFollowed(names = ["bars.csv"]) {
  const directory = await makeDirectory();
  const at = (name: string) => `${directory.path}/${name}`;
  return {
    at,
    write: (content: string, name = "bars.csv") => directory.write(name, content),
    append: (content: string, name = "bars.csv") => Deno.writeTextFile(at(name), content, { append: true }),
    start(given: Partial<ProviderSettings> = {}) {
      const file = names.map(at);
      const provider = createReplay(
        providerSettings({ file, follow: true, dataDir: `${directory.path}/data`, ...given }),
      );
      const context = createContext();
      const reader = provider.open(context).getReader();
      const minutes: number[] = [];
      return {
        notices: context.notices,
        /** Reads until there are so many bars since the last call, and gives their minutes. */
        async next(count: number, settles = true): Promise<number[]> {
          while (minutes.length < count) {
            const { done, value } = await reader.read();
            if (done) throw new Error(`ended after ${minutes}`);
            minutes.push(...recordsOf(value).map(({ ts }) => (ts - Date.UTC(2024, 0, 2, 14, 30)) / 60_000));
            if (settles) value.ack("committed", frameSize(value));
          }
          return minutes.splice(0);
        },
        async end() {
          await reader.cancel();
          await provider.close?.();
        },
      };
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

Deno.test("additions to a file are read as they come, and a last line without newline waits for its rest", async () => {
  await using files = await openFollowed();
  await files.write(csvFile(3));
  const run = files.start();
  assertEquals(await run.next(3), [0, 1, 2]);
  const line = `${csvLine(4)}\n`;
  await files.append(`${csvLine(3)}\n${line.slice(0, 30)}`);
  assertEquals(await run.next(1), [3]);
  await files.append(line.slice(30));
  assertEquals(await run.next(1), [4]);
  await run.end();
});

Deno.test("at a stop, half a line is not taken for a bar, and --resume reads it when it is whole", async () => {
  await using files = await openFollowed();
  const line = csvLine(3);
  await files.write(csvFile(3) + line.slice(0, -4));
  const run = files.start();
  assertEquals(await run.next(3), [0, 1, 2]);
  await run.end();
  await files.append(`${line.slice(-4)}\n`);
  const again = files.start({ resume: true });
  assertEquals(await again.next(1), [3]);
  await again.end();
});

Deno.test("a file that is renamed is read to its end, and the one that takes its place from its beginning", async () => {
  await using files = await openFollowed();
  await files.write(csvFile(2));
  const run = files.start();
  assertEquals(await run.next(2), [0, 1]);
  using old = await Deno.open(files.at("bars.csv"), { append: true });
  await Deno.rename(files.at("bars.csv"), files.at("bars.csv.1"));
  await old.write(new TextEncoder().encode(`${csvLine(2)}\n`));
  assertEquals(await run.next(1), [2]);
  // The writer ends without a newline.
  await old.write(new TextEncoder().encode(csvLine(3)));
  await files.write(`${HEADER}\n${csvLine(4)}\n`);
  assertEquals(await run.next(2), [3, 4]);
  await run.end();
});

Deno.test("a file that is truncated is read from its beginning, and its copy is read to the end first", async () => {
  await using files = await openFollowed();
  await files.write(csvFile(2));
  const run = files.start();
  assertEquals(await run.next(2), [0, 1]);
  // As logrotate does with copytruncate, a row comes just before.
  await Deno.writeTextFile(files.at("bars.csv.1"), `${csvFile(2)}${csvLine(2)}\n`);
  await Deno.truncate(files.at("bars.csv"));
  assertEquals(await run.next(1), [2]);
  assertMatch(run.notices[0], /was truncated or replaced/);
  await files.append(`${HEADER}\n${csvLine(3)}\n`);
  assertEquals(await run.next(1), [3]);
  await run.end();
});

Deno.test("a file that is replaced by a longer one is read from its beginning", async () => {
  await using files = await openFollowed();
  await files.write(csvFile(2));
  const run = files.start();
  assertEquals(await run.next(2), [0, 1]);
  await files.write(csvFile(4, "MSFT"));
  assertEquals(await run.next(4), [0, 1, 2, 3]);
  assertEquals(run.notices.length, 2);
  await run.end();
});

Deno.test("a file may be missing yet, be deleted, and come again", async () => {
  await using files = await openFollowed();
  const run = files.start();
  const first = run.next(1);
  await files.write(csvFile(1));
  assertEquals(await first, [0]);
  await Deno.remove(files.at("bars.csv"));
  const second = run.next(2);
  await files.write(`${HEADER}\n${csvLine(5)}\n${csvLine(6)}\n`);
  assertEquals(await second, [5, 6]);
  await run.end();
});

for (const packed of [false, true]) {
  const how = packed ? "and packed " : "";
  Deno.test(`--resume reads the rest of a file that was rotated ${how}meanwhile, and then the new one`, async () => {
    await using files = await openFollowed();
    await files.write(csvFile(2));
    const run = files.start();
    assertEquals(await run.next(2), [0, 1]);
    await run.end();
    const rotated = `${csvFile(2)}${csvLine(2)}\n`;
    if (packed) await Deno.writeFile(files.at("bars.csv.1.gz"), await gzip(rotated));
    else await files.write(rotated, "bars.csv.1");
    await files.write(`${HEADER}\n${csvLine(3)}\n`);
    const again = files.start({ resume: true });
    assertEquals(await again.next(2), [2, 3]);
    await again.end();
  });
}

Deno.test("unsettled rows before a rotation are read again, even if later rows are settled", async () => {
  await using files = await openFollowed();
  await files.write(csvFile(2));
  const run = files.start();
  assertEquals(await run.next(2, false), [0, 1]);
  await Deno.rename(files.at("bars.csv"), files.at("bars.csv.1"));
  await files.write(`${HEADER}\n${csvLine(3)}\n`);
  assertEquals(await run.next(1), [3]);
  await run.end();
  const again = files.start({ resume: true });
  assertEquals((await again.next(1)).includes(3), true);
  await again.end();
});

Deno.test("files that come into a folder later are followed too, and packed ones are read once", async () => {
  await using files = await openFollowed([""]);
  await files.write(csvFile(1), "a.csv");
  const run = files.start();
  assertEquals(await run.next(1), [0]);
  await files.write(`${HEADER}\n${csvLine(1)}\n`, "b.csv");
  assertEquals(await run.next(1), [1]);
  await Deno.writeFile(files.at("c.csv.gz"), await gzip(`${HEADER}\n${csvLine(2)}\n`));
  assertEquals(await run.next(1), [2]);
  await files.append(`${csvLine(3)}\n`, "a.csv");
  assertEquals(await run.next(1), [3]);
  await run.end();
});

Deno.test("an unreadable file of a folder is named, and the others are followed", async () => {
  await using files = await openFollowed([""]);
  await files.write("nothing,at,all\n1,2,3\n", "a.csv");
  await files.write(csvFile(1), "b.csv");
  await Deno.symlink("/nowhere/bars.csv", files.at("c.csv"));
  const run = files.start();
  assertEquals(await run.next(1), [0]);
  while (run.notices.length < 2) await delay(1);
  assertMatch(run.notices[0], /".*c.csv" cannot be read: there is no such file/);
  assertMatch(run.notices[1], /Cannot read ".*a.csv": header lacks/);
  await run.end();
});

Deno.test("standard input, a pace, and a file in no directory cannot be followed", () => {
  const make = (given: Partial<ProviderSettings>) => createReplay(providerSettings({ follow: true, ...given }));
  assertThrows(() => make({ file: ["-"] }), SettingError, "leave out --follow");
  assertThrows(() => make({ file: ["x.csv"], speed: 60 }), SettingError, "leave out --follow or --speed");
  assertThrows(() => make({ file: ["/nowhere/x.csv"] }), SettingError, "there is no directory");
});
