import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { type AtTerminal, missingTerminal, startAtTerminal } from "../support/terminal.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const UP = "\x1b[A";
const PROMPT = /barline> $/;

/** Types a line and gives what comes before the next prompt. */
async function ask(terminal: AtTerminal, line: string, end = PROMPT): Promise<string> {
  await terminal.type(line);
  return await terminal.until(end);
}

testWhere(
  missingTerminal,
  "the prompt describes, times and runs statements of several lines, tells errors, and keeps its history",
  async () => {
    await using work = await openWorkspace();
    await work.migrate();
    const args = ["query", "--data-dir", work.dataDir];
    const terminal = startAtTerminal(args, { cwd: work.directory });
    await terminal.until(PROMPT);
    assertStringIncludes(await ask(terminal, "\\d\n"), "latest_bars          view\n");
    assertStringIncludes(await ask(terminal, "\\d bars\n"), "ts           timestamp with time zone\n");
    await ask(terminal, "SELECT 'a;\n", /\.\.\.> $/);
    assertStringIncludes(await ask(terminal, "b' AS text; -- two lines\n"), "(1 row)");
    assertStringIncludes(await ask(terminal, "SELECT * FROM nowhere;\n"), 'relation "nowhere" does not exist (42P01)');
    assertStringIncludes(await ask(terminal, "DELETE FROM bar;\n"), "DELETE is refused");
    assertStringIncludes(await ask(terminal, "\\timing\n"), "Timing is on");
    assertMatch(await ask(terminal, "SELECT 2 AS two;\n"), /two\n---\n {2}2\n\(1 row\)\n[\d.]+ ms\n/);
    await ask(terminal, "SELECT 3\n", /\.\.\.> $/);
    await ask(terminal, CTRL_C);
    await terminal.type(CTRL_D);
    assertEquals(await terminal.ended, 0);

    const again = startAtTerminal(args, { cwd: work.directory });
    await again.until(PROMPT);
    assertMatch(await ask(again, `${UP}${UP}\n`), /SELECT 2 AS two;[^]*\(1 row\)/);
    await again.type("\\q\n");
    assertEquals(await again.ended, 0);
    const { mode } = await Deno.stat(join(work.dataDir, "query_history"));
    assertEquals(mode! & 0o777, 0o600);
  },
);

testWhere(missingTerminal, "Ctrl-C ends a statement on the embedded database, and the prompt goes on", async () => {
  await using work = await openWorkspace();
  await work.migrate();
  const terminal = startAtTerminal(["query", "--data-dir", work.dataDir], { cwd: work.directory });
  await terminal.until(PROMPT);
  await terminal.type("SELECT count(*) FROM generate_series(1, 100000000000);\n");
  await terminal.until(/;\n/);
  assertStringIncludes(await ask(terminal, CTRL_C), "The statement was cancelled\n");
  assertStringIncludes(await ask(terminal, "SELECT 1 AS one;\n"), "(1 row)");
  await terminal.type("quit\n");
  assertEquals(await terminal.ended, 0);
});

testWhere(missingTerminal ?? missingServer(), "Ctrl-C ends a statement on a server, whose session stays", async () => {
  await using work = await openWorkspace(server);
  await work.migrate();
  const args = ["query", "--database", work.database, "--data-dir", work.dataDir];
  const terminal = startAtTerminal(args, { cwd: work.directory });
  await terminal.until(PROMPT);
  await ask(terminal, "SET extra_float_digits = -3;\n");
  await terminal.type("SELECT pg_sleep(1000);\n");
  const running = async () =>
    (await work.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(1000)%' AND state = 'active'"))
      .length;
  while (await running() === 0);
  assertStringIncludes(await ask(terminal, CTRL_C), "The statement was cancelled\n");
  while (await running() !== 0);
  assertStringIncludes(await ask(terminal, "SELECT * FROM nowhere;\n"), "42P01");
  assertStringIncludes(await ask(terminal, "SHOW extra_float_digits;\n"), "-3");
  await terminal.type(CTRL_D);
  assertEquals(await terminal.ended, 0);
});
