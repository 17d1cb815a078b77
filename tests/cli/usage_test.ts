import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseInvocation } from "../../src/cli/args.ts";
import { UsageError } from "../../src/cli/command.ts";
import { dlq } from "../../src/cli/commands/dlq.ts";
import { ingest } from "../../src/cli/commands/ingest.ts";
import { openWorkspace } from "../support/workspace.ts";

/** Options of `ingest` that these arguments give. */
const parse = async (...args: string[]) => Object.fromEntries((await parseInvocation("ingest", ingest, args)).options);

Deno.test("an option's value may follow a space or an equals sign", async () => {
  assertEquals(await parse("--limit", "5", "--symbols=A,B"), { limit: "5", symbols: ["A,B"] });
});

Deno.test("a repeatable option gathers its values, any other takes the last", async () => {
  assertEquals(await parse("--file", "a", "--file=b", "--limit", "1", "--limit", "2"), {
    file: ["a", "b"],
    limit: "2",
  });
});

Deno.test("a lone dash, a negative number and a text with an equals sign are values", async () => {
  assertEquals(await parse("--file", "-", "--limit", "-5"), { file: ["-"], limit: "-5" });
  const { flags } = await parseInvocation("dlq", dlq, ["list", "--where", "reason=a b=c"]);
  assertEquals(flags.get("where"), "reason=a b=c");
});

Deno.test("a switch needs no value, and can be turned off", async () => {
  assertEquals(await parse("--resume", "--json=false"), { resume: true, json: false });
});

Deno.test("an option that lacks its value is refused, also where another follows", async () => {
  for (const args of [["--limit"], ["--limit", "--json"], ["--config"]]) {
    await assertRejects(() => parse(...args), UsageError, `Cannot use ${args[0]}: it wants a value`);
  }
});

for (
  const [args, says] of [
    [["ingst"], 'did you mean "ingest"?'],
    [["constructor"], "there is no such command"],
    [["ingest", "--limt", "5"], 'Cannot understand --limt: "ingest" has no such option, did you mean --limit?'],
    [["ingest", "--limt=geheim"], "Cannot understand --limt:"],
    [["ingest", "-x"], "Cannot understand -x"],
    [["ingest", "now"], 'Cannot understand "now": "ingest" takes only options'],
    [["ingest", "--provider", "constructor"], 'current value is "constructor", expected one of'],
    [["ingest", "--provider", "replay"], 'Cannot use "file" from default: no file is given to replay'],
    [["ingest", "--file", "-", "--resume"], 'Cannot use "resume" from --resume: standard input cannot be read again'],
    [["config", "toString"], "expected one of check, show, init, schema"],
    [["config", "check", "--config", "no.yaml"], "there is no such file"],
    [["dlq", "list", "--yess"], "did you mean --yes?"],
    [["version", "--json"], '"version" has no such option'],
  ] as [string[], string][]
) {
  Deno.test(`barline ${args.join(" ")} exits 2 and says why`, async () => {
    await using work = await openWorkspace();
    const { code, stderr, stdout } = await work.run(args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, says);
    assertEquals(stderr.includes("geheim"), false);
  });
}

Deno.test("without a command the help is printed, and the exit code is 2", async () => {
  await using work = await openWorkspace();
  const { code, stdout } = await work.run([]);
  assertEquals(code, 2);
  assertStringIncludes(stdout, "Usage: barline <command> [options]");
});

Deno.test("config show prints YAML that config check takes, and config schema JSON", async () => {
  await using work = await openWorkspace();
  const shown = await work.run(["config", "show", "--workers", "3", "--symbols", "BRK B,X: Y"]);
  assertStringIncludes(shown.stdout, "# --workers");
  const path = await work.write("barline.yaml", shown.stdout);
  const again = await work.run(["config", "show", "--config", path]);
  const values = (text: string) => text.split("\n").map((line) => line.split(" # ")[0].trim());
  assertEquals(values(again.stdout), values(shown.stdout));
  const checked = await work.run(["config", "check"], { env: { BARLINE_CONFIG: path } });
  assertEquals([checked.code, checked.stdout], [0, "The configuration is sound\n"]);
  const schema = JSON.parse((await work.run(["config", "schema"])).stdout);
  assertEquals(schema.properties.workers.default, 4);
  const { items } = schema.properties.tenants;
  assertEquals([items.required, items.properties.workers.type, items.properties.database], [
    ["name"],
    "integer",
    undefined,
  ]);
});
