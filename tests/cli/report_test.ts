import { assertEquals } from "@std/assert";
import { formOf } from "../../src/cli/report.ts";

Deno.test("arguments that cannot be read still give the form of the report", () => {
  const form = (...args: string[]) => formOf(args, undefined, false);
  assertEquals(form("--wrong", "--log-format", "json"), { isSummary: false, log: "json" });
  assertEquals(form("--wrong", "--log-format=json", "--json"), { isSummary: true, log: "json" });
  assertEquals(form("json", "--wrong"), { isSummary: false, log: "text" });
  assertEquals(formOf(["--wrong"], undefined, true), { isSummary: false, log: undefined }, "a sentence on a terminal");
});
