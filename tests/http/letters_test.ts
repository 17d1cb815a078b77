import { assertEquals } from "@std/assert";
import { openDeadLetters } from "../../src/dead_letters/write.ts";
import { deadLetterDirectory } from "../../src/dead_letters/files.ts";
import { createDeadLetterApi } from "../../src/http/api/dead_letters.ts";
import { makeDirectory } from "../support/providers.ts";

Deno.test("letters are shown up to a few megabytes of them, and the answer says that there are more", async () => {
  await using directory = await makeDirectory();
  const kept = openDeadLetters({ directory: deadLetterDirectory(directory.path), emit: () => {} });
  const keep = (name: string, length: number) =>
    kept.write([{ cause: "invalid", reason: "test", kind: "bar", provider: name, item: "x".repeat(length) }]);
  for (const name of ["a", "b", "c"]) await keep(name, 900_000);
  await keep("long", 3_000_000);
  await keep("short", 10);
  const config = { settings: { dataDir: directory.path, tenant: "default" } };
  const api = createDeadLetterApi({} as never, config as never, new AbortController().signal);
  const show = async (query: string) => {
    const { letters, more } = await api.letters(new URLSearchParams(query));
    return [letters.map(({ metadata }) => metadata.provider).join(), more];
  };
  assertEquals(await show("limit=1000"), ["a,b", true]);
  assertEquals(await show("provider=long"), ["long", false]);
  assertEquals(await show("provider=short"), ["short", false]);
  assertEquals(await show("limit=1"), ["a", true]);
});
