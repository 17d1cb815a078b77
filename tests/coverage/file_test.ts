import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "@std/path";
import { keepCoverageInFiles } from "../../src/coverage/file.ts";
import { makeDirectory } from "../support/providers.ts";
import { numbers } from "../support/numbered.ts";
import { doubtOf, loaded, minutes, OWNER } from "./conformance.ts";

/** A store in a new directory, the path of its file, and what it has told. */
async function open() {
  const directory = await makeDirectory();
  const notices: string[] = [];
  const store = () => keepCoverageInFiles({ dataDir: directory.path, warn: (message) => void notices.push(message) });
  return {
    store,
    notices,
    file: `${directory.path}/coverage/alpaca 1m.ndjson`,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const change = (symbol: string, from: number, to: number) => ({ symbol, confirmed: [minutes([from, to])], doubts: [] });
const confirmed = (from: number, to: number) => ({ confirmed: [minutes([from, to])], doubts: [] });

Deno.test("a save cut off at any place by a kill leaves the earlier saves, and the later ones are found", async () => {
  await using place = await open();
  await place.store().save(OWNER, [change("A", 0, 10)]);
  const before = (await Deno.stat(place.file)).size;
  await place.store().save(OWNER, [{ ...change("A", 10, 20), doubts: [doubtOf(5, 6)] }]);
  const whole = await Deno.readFile(place.file);
  for (let size = before; size < whole.length - 1; size += 7) {
    await Deno.writeFile(place.file, whole.subarray(0, size));
    assertEquals(await loaded(place.store()), { A: confirmed(0, 10) }, `${size} bytes`);
    await place.store().save(OWNER, [change("B", 0, 1)]);
    assertEquals(await loaded(place.store()), { A: confirmed(0, 10), B: confirmed(0, 1) }, `${size} bytes`);
  }
  assertEquals(place.notices, []);
});

Deno.test("a file with a broken line claims nothing any more and is kept, with a warning", async () => {
  await using place = await open();
  await place.store().save(OWNER, [change("A", 0, 10)]);
  await place.store().save(OWNER, [{ symbol: "A", confirmed: [], doubts: [doubtOf(5, 6)] }]);
  await place.store().save(OWNER, [change("B", 0, 10)]);
  const lines = (await Deno.readTextFile(place.file)).split("\n");
  await Deno.writeTextFile(place.file, lines.with(1, "{").join("\n"));
  assertEquals(await loaded(place.store()), {});
  assertEquals(place.notices.length, 1);
  assertStringIncludes(place.notices[0], "Cannot read line 2");
  assert((await Deno.stat(`${place.file}.unreadable`)).isFile);
});

Deno.test("a file that has grown to several times its content is rewritten", async () => {
  await using place = await open();
  const symbols = numbers(2000).map((at) => `SYMBOL${at}`);
  const store = place.store();
  let largest = 0;
  for (const minute of numbers(60)) {
    await store.save(OWNER, symbols.map((symbol) => change(symbol, minute, minute + 1)));
    largest = Math.max(largest, (await Deno.stat(place.file)).size);
  }
  const { size, mode } = await Deno.stat(place.file);
  assert(Math.max(size, largest) < 4.4e6, `${size} bytes, ${largest} at most`);
  assertEquals((mode ?? 0) & 0o777, 0o600);
  const known = await place.store().load(OWNER);
  assertEquals([known.size, known.get("SYMBOL7")], [2000, confirmed(0, 60)]);
});

Deno.test("a stream that was created again brings the last day of each series into doubt, once", async () => {
  await using place = await open();
  let stream: string | undefined = "first";
  const store = keepCoverageInFiles({
    dataDir: dirname(dirname(place.file)),
    warn: (message) => void place.notices.push(message),
    stream: () => Promise.resolve(stream),
  });
  assertEquals(await loaded(store), {});
  const day = 1440;
  await store.save(OWNER, [change("A", 0, 3 * day), change("B", 0, 10)]);
  assertEquals(await store.news!(OWNER), { changed: new Map() });
  // NATS is away.
  stream = undefined;
  assertEquals(await store.news!(OWNER), { changed: new Map() });
  stream = "second";
  const { changed, replaced } = await store.news!(OWNER);
  assertEquals(replaced, "a stream that was created again");
  assertEquals(changed.get("A")!.confirmed, [minutes([0, 2 * day])]);
  assertEquals(changed.get("A")!.doubts.map(({ from, to, reason }) => [from, to, reason]), [
    [...minutes([2 * day, 3 * day]), "restored"],
  ]);
  assertEquals(changed.get("B")!.confirmed, []);
  assertEquals(await store.news!(OWNER), { changed: new Map() });
  assertEquals(place.notices.length, 1);
});
