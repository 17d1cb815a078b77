import { assertEquals } from "@std/assert";
import { withOptions } from "./readme.ts";

Deno.test("the README's option table is that of the code", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  assertEquals(readme, withOptions(readme), "run deno run -RW tests/readme.ts");
});
