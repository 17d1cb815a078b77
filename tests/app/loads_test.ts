import { assertEquals } from "@std/assert";
import { createLoading } from "../../src/app/loads.ts";
import { createLoadBook } from "../../src/database/load_book.ts";
import type { LoadedFile, LoadStore } from "../../src/database/loads.ts";
import { makeDirectory } from "../support/providers.ts";

/** A store that notes the files of the loads that are begun. */
function createStore(): LoadStore & { readonly begun: LoadedFile[] } {
  const begun: LoadedFile[] = [];
  return {
    begun,
    book: createLoadBook(),
    findEarlier: () => Promise.resolve([]),
    begin: (_command, files) => Promise.resolve(begun.push(...files)),
    add: () => Promise.resolve(),
    reserve: (_load, from) => Promise.resolve([from, from + 1_000]),
    finish: () => Promise.resolve(),
  };
}

Deno.test("a load begins although one of its files has gone meanwhile, and notes size and digest of the others", async () => {
  await using directory = await makeDirectory();
  const file = await directory.write("bars.csv", "abc");
  const loads = createStore();
  const loading = createLoading({
    loads,
    command: "barline ingest",
    clock: () => 0,
    after: () => {},
    abort: new AbortController().signal,
    isResumed: false,
    warn: () => {},
  });
  await loading.begin(["/nowhere/bars.csv", file, "-"]);
  assertEquals(loads.begun, [
    { path: "/nowhere/bars.csv" },
    // The digest of "abc" of FIPS 180-2, appendix B.1.
    { path: file, size: 3, sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { path: "-" },
  ]);
});
