import { assertEquals } from "@std/assert";
import { formOf, report } from "../../src/cli/report.ts";

Deno.test("arguments that cannot be read still give the form of the report", () => {
  const form = (...args: string[]) => formOf(args, undefined, false);
  assertEquals(form("--wrong", "--log-format", "json"), { isSummary: false, log: "json" });
  assertEquals(form("--wrong", "--log-format=json", "--json"), { isSummary: true, log: "json" });
  assertEquals(form("json", "--wrong"), { isSummary: false, log: "text" });
  assertEquals(formOf(["--wrong"], undefined, true), { isSummary: false, log: undefined }, "a sentence on a terminal");
});

Deno.test("a reader of the output that has gone, as head does, is no news", async () => {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...args) => printed.push(args);
  try {
    assertEquals(await report(new Deno.errors.BrokenPipe("Broken pipe"), { isSummary: false }), 1);
    assertEquals(printed, []);
    await report(new RangeError("Cannot do that"), { isSummary: false });
    assertEquals(printed.length, 1);
  } finally {
    console.error = error;
  }
});
