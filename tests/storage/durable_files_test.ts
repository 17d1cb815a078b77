import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { makeDirectory } from "../../src/storage/durable_files.ts";
import { makeDirectory as makeTestDirectory } from "../support/providers.ts";

Deno.test("a directory is created with its parents, for its owner alone, and may exist already", async () => {
  await using directory = await makeTestDirectory();
  const path = join(directory.path, "a", "b", "c");
  for (let time = 0; time < 2; time++) await makeDirectory(path);
  if (Deno.build.os === "windows") return;
  for (const made of [path, join(path, ".."), join(path, "..", "..")]) {
    assertEquals((await Deno.stat(made)).mode! & 0o777, 0o700, made);
  }
});

Deno.test("a file in the place of a directory is an error", async () => {
  await using directory = await makeTestDirectory();
  const path = join(directory.path, "file");
  await Deno.writeTextFile(path, "");
  await assertRejects(() => makeDirectory(path), Deno.errors.AlreadyExists);
  await assertRejects(() => makeDirectory(join(path, "below")));
});
