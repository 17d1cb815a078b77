import { assert, assertEquals } from "@std/assert";
import type { Destination } from "../../src/database/destination.ts";
import { createPosition } from "../../src/providers/position.ts";
import { openFilePositions } from "../../src/providers/replay/positions.ts";
import { makeDirectory } from "../support/providers.ts";

const log = (directory: string) => `${directory}/positions/files.jsonl`;

Deno.test("the places of many files are saved together, in one line, and each is found again", async () => {
  await using directory = await makeDirectory();
  const options = { directory: directory.path };
  const positions = openFilePositions<number>(options);
  for (let at = 0; at < 1000; at++) positions.open(`file ${at}`)(at)();
  await positions.save();
  // The first settlement saves at once.
  assert((await Deno.readTextFile(log(directory.path))).split("\n").length <= 2);
  assertEquals([...Deno.readDirSync(`${directory.path}/positions`)].map(({ name }) => name), ["files.jsonl"]);
  const again = openFilePositions<number>(options);
  for (let at = 0; at < 1000; at++) assertEquals(await again.load(`file ${at}`), at);
  assertEquals(await again.load("another"), undefined);
});

Deno.test("a place of a file is reached when everything before it is settled, and files do not wait for each other", async () => {
  await using directory = await makeDirectory();
  const positions = openFilePositions<number>({ directory: directory.path });
  const [one, other] = [positions.open("one"), positions.open("other")];
  const settle = [one(1), one(2), one(3), other(7)];
  settle[1]();
  settle[3]();
  await positions.save();
  const saved = async (name: string) => await openFilePositions<number>({ directory: directory.path }).load(name);
  assertEquals([await saved("one"), await saved("other")], [undefined, 7]);
  settle[0]();
  await positions.save();
  assertEquals(await saved("one"), 2);
});

Deno.test("a line cut off by a crash is skipped, and later ones are found", async () => {
  await using directory = await makeDirectory();
  const options = { directory: directory.path };
  const save = async (name: string, place: number) => {
    const positions = openFilePositions<number>(options);
    positions.open(name)(place)();
    await positions.save();
  };
  await save("one", 1);
  await Deno.writeTextFile(log(directory.path), '\n{"places":[["one",5],["tw', { append: true });
  await save("two", 2);
  const positions = openFilePositions<number>(options);
  assertEquals([await positions.load("one"), await positions.load("two")], [1, 2]);
});

Deno.test("a place of an earlier version is found in a separate file until a newer one is saved", async () => {
  await using directory = await makeDirectory();
  const old = createPosition<number>({ directory: directory.path, name: "one" });
  old.track(3)();
  await old.save();
  const positions = openFilePositions<number>({ directory: directory.path });
  assertEquals(await positions.load("one"), 3);
  positions.open("one")(4)();
  await positions.save();
  assertEquals(await openFilePositions<number>({ directory: directory.path }).load("one"), 4);
});

Deno.test("a log that has grown is rewritten, while others append to it, and no place is lost", async () => {
  await using directory = await makeDirectory();
  const options = { directory: directory.path };
  const wide = "x".repeat(20_000);
  const writers = Array.from({ length: 3 }, () => openFilePositions<[string, number]>(options));
  const tracks = writers.map((writer, at) => writer.open(`file ${at}`));
  for (let place = 0; place < 150; place++) {
    await Promise.all(writers.map((writer, at) => {
      tracks[at]([wide, place])();
      return writer.save();
    }));
  }
  const { size } = await Deno.stat(log(directory.path));
  assert(size < 6 * 1024 * 1024, `${size} bytes`);
  for (let at = 0; at < 3; at++) {
    assertEquals((await openFilePositions(options).load(`file ${at}`) as number[])[1], 149);
  }
});

Deno.test("places of a destination that has changed are in doubt, and none is saved any more", async () => {
  await using directory = await makeDirectory();
  const server: Destination = { id: "a", system: "1", database: "2", table: "3", timeline: "00000001", wal: "1000" };
  const notices: string[] = [];
  let now = server;
  const target = { destination: () => Promise.resolve(now), warn: (message: string) => notices.push(message) };
  const positions = openFilePositions<number>({ directory: directory.path, target });
  const track = positions.open("one");
  track(1)();
  await positions.save();
  now = { ...server, id: "b" };
  track(2)();
  await positions.save();
  assertEquals(notices.length, 1);
  assertEquals(await openFilePositions<number>({ directory: directory.path, target }).load("one"), undefined);
  now = server;
  assertEquals(await openFilePositions<number>({ directory: directory.path, target }).load("one"), 1);
});
