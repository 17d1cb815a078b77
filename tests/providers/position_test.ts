import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createPosition } from "../../src/providers/position.ts";
import { processorMs } from "../support/cpu.ts";
import { makeDirectory } from "../support/providers.ts";

Deno.test("a place is reached when everything before it is settled, in any order", async () => {
  await using directory = await makeDirectory();
  const options = { directory: directory.path, name: "x" };
  const position = createPosition<number>(options);
  const settle = [1, 2, 3].map((place) => position.track(place));
  settle[1]();
  await position.save();
  assertEquals(await createPosition(options).load(), undefined);
  settle[0]();
  await position.save();
  assertEquals(await createPosition(options).load(), 2);
  settle[2]();
  await position.save();
  assertEquals(await createPosition(options).load(), 3);
});

Deno.test("the place is the last one before which all is settled, after settlements in any order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(Array.from({ length: 12 }, (_, at) => at + 1)), async (order) => {
      await using directory = await makeDirectory();
      const options = { directory: directory.path, name: "x" };
      const position = createPosition<number>(options);
      const settle = Array.from({ length: 12 }, (_, at) => position.track(at + 1));
      for (const place of order) settle[place - 1]();
      await position.save();
      let reached = 0;
      while (order.includes(reached + 1)) reached++;
      assertEquals(await createPosition(options).load(), reached || undefined);
    }),
    { numRuns: 100 },
  );
});

Deno.test("half a million places behind one that is not settled are passed at once when it is", async () => {
  await using directory = await makeDirectory();
  const position = createPosition<number>({ directory: directory.path, name: "x" });
  const settleFirst = position.track(0);
  for (let place = 1; place < 500_000; place++) position.track(place)();
  const started = processorMs();
  settleFirst();
  // A minute, where each of them moves all others.
  assert(processorMs() - started < 3000);
  await position.save();
  assertEquals(await createPosition({ directory: directory.path, name: "x" }).load(), 499_999);
});

Deno.test("positions of different names lie apart, readable by their owner alone", async () => {
  await using directory = await makeDirectory();
  for (const name of ["x", "y"]) {
    const position = createPosition<string>({ directory: directory.path, name });
    position.track(name)();
    await position.save();
  }
  assertEquals(await createPosition({ directory: directory.path, name: "x" }).load(), "x");
  const files = [...Deno.readDirSync(`${directory.path}/positions`)];
  assertEquals(files.length, 2);
  if (Deno.build.os !== "windows") {
    for (const { name } of files) {
      assertEquals(Deno.statSync(`${directory.path}/positions/${name}`).mode! & 0o777, 0o600);
    }
  }
});

Deno.test("an unreadable position counts as absent", async () => {
  await using directory = await makeDirectory();
  const position = createPosition<number>({ directory: directory.path, name: "x" });
  position.track(1)();
  await position.save();
  const [{ name }] = Deno.readDirSync(`${directory.path}/positions`);
  await directory.write(`positions/${name}`, '{"place":');
  assertEquals(await position.load(), undefined);
});

Deno.test("several readers of the same may save at the same time", async () => {
  await using directory = await makeDirectory();
  const positions = Array.from({ length: 8 }, () => createPosition<number>({ directory: directory.path, name: "x" }));
  for (let place = 1; place <= 20; place++) {
    for (const position of positions) position.track(place)();
    await Promise.all(positions.map((position) => position.save()));
  }
  assertEquals(await createPosition({ directory: directory.path, name: "x" }).load(), 20);
  assertEquals([...Deno.readDirSync(`${directory.path}/positions`)].length, 1);
});

Deno.test("a position that cannot be saved leaves nothing behind, however often it is tried", async () => {
  await using directory = await makeDirectory();
  const position = createPosition<number>({ directory: directory.path, name: "x" });
  position.track(1)();
  await position.save();
  const [{ name }] = Deno.readDirSync(`${directory.path}/positions`);
  await Deno.remove(`${directory.path}/positions/${name}`);
  // A file cannot take its place.
  await Deno.mkdir(`${directory.path}/positions/${name}/in the way`, { recursive: true });
  position.track(2)();
  for (let attempt = 0; attempt < 3; attempt++) await assertRejects(position.save);
  assertEquals([...Deno.readDirSync(`${directory.path}/positions`)].map((entry) => entry.name), [name]);
});
