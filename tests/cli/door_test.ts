import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withClient } from "../../src/database/database.ts";
import { findDoor } from "../../src/database/door/door.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";
import { until } from "../support/until.ts";

const PASSWORD = "a-long-password";

const hasPsql = await new Deno.Command("psql", { args: ["--version"] }).output().then(() => true, () => false);

testWhere(
  hasPsql ? undefined : "there is no psql",
  "psql reads the embedded database while a run writes it",
  async () => {
    await using work = await openWorkspace();
    const running = work.startIngest(
      ["--provider", "mock", "--symbols", "AAPL", "--speed", "500", "--embedded-listen", "0"],
      { env: { BARLINE_EMBEDDED_PASSWORD: PASSWORD } },
    );
    const [, port] = /read at 127\.0\.0\.1:(\d+)/.exec(await running.line(/Clients of PostgreSQL read at/))!;
    const psql = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command("psql", {
        args: ["-X", "-A", "-t", "-h", "127.0.0.1", "-p", port, "-U", "me", "postgres", ...args],
        env: { PGPASSWORD: PASSWORD },
      }).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout).trim(), stderr: decoder.decode(stderr) };
    };
    const count = async () => Number((await psql("-c", "SELECT count(*) FROM bars WHERE symbol = 'AAPL'")).stdout);
    let first = 0;
    await until(async () => (first = await count()) > 0);
    await until(async () => await count() > first);
    assertStringIncludes((await psql("-c", "\\dv")).stdout, "latest_bars");
    assertStringIncludes((await psql("-c", "\\copy bars TO STDOUT")).stderr, "COPY is refused");

    running.kill("SIGTERM");
    assertEquals((await running.ended).code, 0);
    assertEquals(await findDoor(work.dataDir), undefined);
    const left = await Array.fromAsync(Deno.readDir(work.dataDir), ({ name }) => name);
    assertEquals(left.filter((name) => name.includes("readers") || name.includes("door")), []);
  },
);

Deno.test("doctor, gaps, loads and query take the door of a run by themselves", async () => {
  await using work = await openWorkspace();
  const running = work.startIngest(["--provider", "mock", "--symbols", "AAPL", "--speed", "20"]);
  await running.line(/Provider "?mock"? opened/);
  const ask = async (...args: string[]) => await work.run([...args, "--data-dir", work.dataDir]);
  await until(async () => (await ask("query", "SELECT symbol FROM bars LIMIT 1")).stdout.includes("AAPL"));
  const doctor = await ask("doctor", "--http", "off");
  assertStringIncludes(doctor.stdout, "through the process that has it");
  assertEquals(doctor.code, 0, doctor.stdout);
  assertStringIncludes((await ask("gaps", "--json")).stdout, '"series":1');
  assertStringIncludes((await ask("loads", "list")).stdout, "No loads");
  running.kill("SIGTERM");
  await running.ended;
});

Deno.test("a killed run leaves a dead door, and the next run opens another", async () => {
  await using work = await openWorkspace();
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const running = work.startIngest(["--provider", "mock"]);
    await running.line(/Provider "?mock"? opened/);
    let door: Awaited<ReturnType<typeof findDoor>>;
    await until(async () => (door = await findDoor(work.dataDir)) !== undefined);
    const rows = await withClient(door!, async (client) => (await client.query("SELECT 1 AS one")).rows);
    assertEquals(rows, [{ one: 1 }]);
    running.kill(signal);
    await running.ended;
  }
  const { code } = await work.run(["doctor", "--data-dir", work.dataDir, "--http", "off"]);
  assertEquals(code, 0);
});

Deno.test("a port for readers needs a password, and the embedded database", async () => {
  await using work = await openWorkspace();
  const without = await work.ingest(["--limit", "1", "--embedded-listen", "5433"]);
  assertEquals(without.code, 2);
  assertStringIncludes(without.stderr, "set BARLINE_EMBEDDED_PASSWORD");
  const server = await work.ingest(
    ["--limit", "1", "--embedded-listen", "5433", "--database", "postgres://nobody@127.0.0.1:1/x"],
    { env: { BARLINE_EMBEDDED_PASSWORD: PASSWORD } },
  );
  assertEquals(server.code, 2);
  assert(server.stderr.includes("expected the embedded database"), server.stderr);
});
