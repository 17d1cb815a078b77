import { assertEquals, assertStringIncludes } from "@std/assert";
import { missingServer } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const MOCK = ["--provider", "mock", "--limit", "5", "--log-format", "json"];

/** The line of the log that says where things go. */
function startLine(stderr: string) {
  const lines = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  return lines.find(({ message }) => message.startsWith("Writing to "));
}

Deno.test("a start names the embedded database, the dead letters and the journal by their whole paths", async () => {
  await using work = await openWorkspace();
  const { code, stderr } = await work.run(["ingest", ...MOCK, "--journal", "durable", "--http", "off"]);
  assertEquals(code, 0, stderr);
  const data = `${await Deno.realPath(work.directory)}/data`;
  assertEquals(
    startLine(stderr).message,
    `Writing to the embedded database in ${data}; dead letters go to ${data}/dead-letters, the journal to ${data}/journal`,
  );
});

Deno.test("the line of the address names the cockpit", async () => {
  await using work = await openWorkspace();
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  assertStringIncludes(await running.line(/Serving/), `with the cockpit at ${address}/`);
  // Before that a signal ends the process at once.
  await running.line(/opened/);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

testWhere(missingServer(), "a start names server, user, database and schema, and no password", async () => {
  await using work = await openWorkspace(server);
  const url = new URL(work.database);
  const { code, stderr } = await work.ingest([...MOCK, "--database", work.database.replace("@", ":geheim@")]);
  assertEquals(code, 0, stderr);
  const { target, journal } = startLine(stderr);
  assertEquals([target, journal], [`postgres://postgres@${url.host}${url.pathname}, schema public`, "none"]);
  assertEquals(stderr.includes("geheim"), false);
});

testWhere(missingServer(), "PGHOST alone selects a server, which start line and doctor say", async () => {
  await using work = await openWorkspace(server);
  const { hostname, port, pathname } = new URL(work.database);
  const env = { PGHOST: hostname, PGPORT: port, PGDATABASE: pathname.slice(1), PGUSER: "postgres" };
  const { code, stderr } = await work.run(["ingest", ...MOCK, "--http", "off"], { env });
  assertEquals(code, 0, stderr);
  assertStringIncludes(startLine(stderr).target, ", schema public (from PGHOST in environment)");
  assertEquals(await work.count(), 5);
  const looked = await work.run(["doctor", "--http", "off"], { env });
  assertStringIncludes(looked.stdout, "(from PGHOST in environment)");
  const stray = { PGPASSWORD: "geheim", PGUSER: "postgres", PGPORT: port };
  const embedded = await work.run(["ingest", ...MOCK, "--http", "off"], { env: stray });
  assertStringIncludes(startLine(embedded.stderr).target, "the embedded database in ");
});

Deno.test("an unknown variable is warned of at the start, by config check and by doctor", async () => {
  await using work = await openWorkspace();
  const env = { BARLINE_BATCHSIZE: "5" };
  const says = "Unknown variable BARLINE_BATCHSIZE in environment, did you mean BARLINE_BATCH_SIZE?";
  for (const args of [["ingest", "--limit", "5", "--http", "off"], ["config", "check"], ["doctor", "--http", "off"]]) {
    const { code, stderr } = await work.run(args, { env });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, says);
  }
});
