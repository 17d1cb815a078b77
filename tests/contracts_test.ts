import { assertEquals } from "@std/assert";
import { type Contracts, KEPT, readAnswered, readDeclared } from "./support/contracts.ts";
import { missingServer } from "./support/postgres.ts";
import { testWhere } from "./support/skip.ts";
import { startSharedServer } from "./support/workspace.ts";

const HOW = "If the change is meant, run: deno run -A tests/support/contracts.ts";

const kept: Contracts = JSON.parse(await Deno.readTextFile(KEPT));
const server = await startSharedServer();

const declared = await readDeclared();
for (const [name, found] of Object.entries(declared)) {
  Deno.test(`${name} are those of the kept list`, () => assertEquals(found, kept[name], HOW));
}

testWhere(
  missingServer(),
  "pages, commands and the data directory have all the fields and files of the kept list",
  async () => {
    const found = await readAnswered(server!);
    for (const [name, all] of Object.entries(found)) {
      assertEquals(kept[name].filter((each) => !all.includes(each)), [], `${name} are missing. ${HOW}`);
    }
  },
);
