import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { csvFile } from "../support/bars.ts";
import { addressOf, type Running } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** Waits until a run has stored something. */
async function untilStored(running: Running): Promise<void> {
  const url = await addressOf(running);
  const page = async () => await (await fetch(`${url}/metrics`)).text();
  while (!/^barline_records_stored_total\{tenant="default"\} [1-9]/m.test(await page())) await delay(20);
}

for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} in the middle of a file is not its end: exit code ${expected}, and --resume reads the rest`, async () => {
    await using work = await openWorkspace(server);
    const file = await work.write("bars.csv", csvFile(30_000));
    const running = work.startIngest(["--file", file, "--rate", "5000", "--http", "127.0.0.1:0"]);
    await untilStored(running);
    running.kill(signal);
    const { code, json, stderr } = await running.ended;
    assertEquals([code, json.ended, json.error, json.inFlight], [expected, "stopped", undefined, 0], stderr);
    assertStringIncludes(stderr, "with --resume continues from here");
    const rest = await work.ingest(["--file", file, "--resume"]);
    assertEquals([rest.code, rest.json.ended, rest.json.stored], [0, "complete", 30_000 - json.stored]);
  });
}

Deno.test("a feed that is stopped has ended as it should, with exit code 0", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  await untilStored(running);
  running.kill("SIGINT");
  const { code, json, stderr } = await running.ended;
  assertEquals([code, json.ended, json.error], [0, "stopped", undefined]);
  assertEquals(stderr.includes("--resume"), false, stderr);
});

Deno.test("an input that is cut off by --limit is read to its end", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", csvFile(300));
  const { code, json } = await work.ingest(["--file", file, "--limit", "100"]);
  assertEquals([code, json.ended, json.received], [0, "complete", 100]);
});

Deno.test("a run that fails says why in its JSON", async () => {
  await using work = await openWorkspace(server);
  const good = await work.write("1.csv", csvFile(3));
  const bad = await work.write("2.csv", "nothing\n");
  const { code, json } = await work.ingest(["--file", good, "--file", bad]);
  assertEquals([code, json.ended, json.stored], [1, "failed", 3]);
  assertStringIncludes(json.error, "header lacks");
});

for (
  const [args, expected, says] of [
    [["--limt", "5"], 2, "did you mean --limit?"],
    [["--workers", "none"], 2, 'Cannot use "workers" from --workers'],
    [["--limit", "5", "--database", "postgres://me@127.0.0.1:1/x"], 1, "Start the server, or correct host and port."],
  ] as [string[], number, string][]
) {
  Deno.test(`the JSON of ingest ${args.join(" ")} says why it cannot start`, async () => {
    await using work = await openWorkspace();
    const { code, json, stderr } = await work.ingest(args);
    assertEquals([code, json.ended, json.received, json.stored], [expected, "failed", 0, 0]);
    assertStringIncludes(json.error, says);
    assertStringIncludes(stderr, says);
  });
}

Deno.test("BARLINE_JSON asks for the JSON of a failed start as --json does", async () => {
  await using work = await openWorkspace();
  const { code, json } = await work.run(["ingest", "--workers", "0"], { env: { BARLINE_JSON: "true" } });
  assertEquals([code, json.ended], [2, "failed"]);
});

Deno.test("dead letters give exit code 5 with --strict, and 0 without", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", `${csvFile(3)}bad\n`);
  const lenient = await work.ingest(["--file", file]);
  assertEquals([lenient.code, lenient.json.ended], [0, "complete"]);
  const strict = await work.ingest(["--file", file, "--strict"]);
  assertEquals([strict.code, strict.json.ended, strict.json.deadLettered], [5, "complete", 1]);
});

Deno.test("--help has the table of exit codes", async () => {
  await using work = await openWorkspace();
  const { stdout } = await work.run(["--help"]);
  const codes = stdout.split("Exit codes")[1].split("\n\n")[0].split("\n").slice(1);
  assertEquals(codes.map((line) => /^ {2}(\d[\d, ]*?) {2}/.exec(line)?.[1]), ["0", "1", "2", "4", "5", "130, 143"]);
});

Deno.test("a signal before the run is open says in JSON that it was stopped, and has the signal's exit code", async () => {
  await using work = await openWorkspace();
  // A server that takes the connection and never answers.
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const database = `postgres://me@127.0.0.1:${silent.addr.port}/x`;
  const running = work.startIngest(["--provider", "mock", "--limit", "5", "--database", database]);
  using _connection = await silent.accept();
  running.kill("SIGTERM");
  const { code, json, stderr } = await running.ended;
  assertEquals([code, json.ended, json.error, json.received], [143, "stopped", undefined, 0], stderr);
  assertStringIncludes(stderr, "Stopped by SIGTERM before the run began");
});

Deno.test("without a terminal a failed start writes only lines of the log, in either form", async () => {
  await using work = await openWorkspace();
  for (const wrong of [["--workers", "none", "--batch-size", "none"], ["--limt", "5"]]) {
    const text = await work.run(["ingest", ...wrong]);
    assertEquals([text.code, text.stdout], [2, ""]);
    for (const line of text.stderr.trimEnd().split("\n")) assertMatch(line, /^\d{4}-\S+Z \[error\] barline: Cannot /);
    const json = await work.run(["ingest", ...wrong, "--log-format", "json"]);
    assertEquals(json.stderr.trimEnd().split("\n").map((line) => JSON.parse(line).level), ["ERROR"]);
  }
});
