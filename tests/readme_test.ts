import { assertEquals } from "@std/assert";
import { withTables } from "./readme.ts";

Deno.test("the README's tables of options and exit codes are those of the code", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  assertEquals(readme, withTables(readme), "run deno run -RW tests/readme.ts");
});
