import { assertEquals } from "@std/assert";
import { formOf } from "../../src/cli/report.ts";

Deno.test("arguments that cannot be read still say the form of the report", () => {
  const form = (...args: string[]) => formOf(args, undefined);
  assertEquals(form("--wrong", "--log-format", "json"), { isSummary: false, isLogged: true });
  assertEquals(form("--wrong", "--log-format=json", "--json"), { isSummary: true, isLogged: true });
  assertEquals(form("json", "--wrong"), { isSummary: false, isLogged: false });
});
