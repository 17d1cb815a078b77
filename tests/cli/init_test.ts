import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { currentProgram } from "../support/process.ts";
import { openWorkspace } from "../support/workspace.ts";
import { testWhere } from "../support/skip.ts";

/** The usual port may be taken. */
const ANY_PORT = { BARLINE_HTTP: "127.0.0.1:0" };
const NO_KEYS = { ALPACA_API_KEY: "", ALPACA_SECRET_KEY: "" };

Deno.test("init writes a configuration that a run takes, checks it, and names the next command", async () => {
  await using work = await openWorkspace();
  const { code, stdout } = await work.run(["init", "--provider", "mock", "--symbols", "AAPL,MSFT"], { env: ANY_PORT });
  assertStringIncludes(stdout, "Wrote barline.yaml");
  assertStringIncludes(stdout, "Next: barline ingest --config barline.yaml");
  assertEquals(code, 0, stdout);
  const run = await work.run(["ingest", "--config", "barline.yaml", "--limit", "10", "--http", "off", "--json"]);
  assertEquals([run.code, run.json.stored], [0, 10]);
});

Deno.test("init leaves keys for the user to fill in, and passwords out of the configuration", async () => {
  await using work = await openWorkspace();
  const database = "postgres://me:secret@127.0.0.1:1/market";
  const { code, stdout } = await work.run(
    ["init", "--provider", "alpaca", "--symbols", "AAPL", "--database", database],
    {
      env: NO_KEYS,
    },
  );
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Next: fill in ALPACA_API_KEY and ALPACA_SECRET_KEY in .env");
  const yaml = await Deno.readTextFile(join(work.directory, "barline.yaml"));
  assertStringIncludes(yaml, "database: postgres://me@127.0.0.1:1/market\n");
  const file = join(work.directory, ".env");
  assertEquals(await Deno.readTextFile(file), "ALPACA_API_KEY=\nALPACA_SECRET_KEY=\nPOSTGRES_PASSWORD=secret\n");
  assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
});

Deno.test("init replaces no configuration unasked, and needs a provider where it cannot ask", async () => {
  await using work = await openWorkspace();
  const args = ["init", "--provider", "mock", "--symbols", "AAPL"];
  await work.write("barline.yaml", "provider: kraken\n");
  const refused = await work.run(args);
  assertEquals([refused.code, refused.stderr.trim()], [
    2,
    "Cannot write barline.yaml: it exists. Give --force to replace it, or --config FILE for another",
  ]);
  assertEquals((await work.run([...args, "--force"], { env: ANY_PORT })).code, 0);
  const unasked = await work.run(["init", "--config", "other.yaml"]);
  assertEquals([unasked.code, unasked.stderr.trim()], [
    2,
    "Cannot write a configuration: --provider is not given, and there is no terminal to ask on",
  ]);
  const wrong = await work.run(["init", "--config", "other.yaml", "--provider", "krakn"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, 'did you mean "kraken"?');
});

Deno.test("config init --print shows the file and writes nothing", async () => {
  await using work = await openWorkspace();
  const { code, stdout } = await work.run([
    "config",
    "init",
    "--print",
    "--provider",
    "kraken",
    "--symbols",
    "BTC/USD",
  ]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "provider: kraken\nsymbols: [ BTC/USD ]\n");
  assertEquals(await Array.fromAsync(Deno.readDir(work.directory)), []);
});

const script = await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success ? undefined : "script fails", () => "script (a terminal for tests) is not installed");

testWhere(script, "on a terminal init asks, shows no key, and takes the answers", async () => {
  await using work = await openWorkspace();
  const { path, args } = currentProgram();
  const words = [path, ...args, "init"].map((word) => `'${word}'`);
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", `stty cols 200 rows 30; ${words.join(" ")}`, "/dev/null"],
    cwd: work.directory,
    env: NO_KEYS,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keys = child.stdin.getWriter();
  const answers: [sign: string, answer: string][] = [
    // A default is typed already: the line is deleted first.
    ["Feed, one of", "\x15alpaca"],
    ["Symbols, separated", "\x15AAPL, MSFT"],
    ["Database: embedded", ""],
    ["ALPACA_API_KEY (empty", "my-key"],
    ["ALPACA_SECRET_KEY (empty", ""],
  ];
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const before = text;
    text += chunk;
    for (const [sign, answer] of answers) {
      if (!before.includes(sign) && text.includes(sign)) await keys.write(new TextEncoder().encode(`${answer}\r`));
    }
  }
  await keys.close().catch(() => {});
  assertEquals((await child.status).code, 0, text);
  assertEquals(text.includes("my-key"), false, text);
  assertStringIncludes(await Deno.readTextFile(join(work.directory, "barline.yaml")), "symbols: [ AAPL, MSFT ]\n");
  assertEquals(
    await Deno.readTextFile(join(work.directory, ".env")),
    "ALPACA_API_KEY=my-key\nALPACA_SECRET_KEY=\n",
  );
});
