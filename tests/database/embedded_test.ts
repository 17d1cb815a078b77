import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { withClient } from "../../src/database/database.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { counts, select, writeOnce } from "../support/lanes.ts";
import { numberedBars, numbers, storedNumbers } from "../support/numbered.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { until } from "../support/until.ts";
import { openWorkspace } from "../support/workspace.ts";

/** Runs `fn` with a data directory of its own. */
async function withDirectory(fn: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  try {
    await fn(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** TCP sockets of a process that listen, over IPv4 and IPv6. */
async function listeningTcpSockets(pid: number): Promise<string[]> {
  const mine = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) mine.add(inode);
  }
  const listening: string[] = [];
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await Deno.readTextFile(table).catch(() => "")).split("\n").slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === "0A" && mine.has(inode)) listening.push(local);
    }
  }
  return listening;
}

Deno.test("written rows are there after closing and opening again", async () => {
  await withDirectory(async (directory) => {
    {
      await using database = await openEmbedded(directory);
      await prepareDatabase(database);
      assertEquals(await writeOnce(database, numberedBars(100)), counts(100));
    }
    await using database = await openEmbedded(directory);
    assertEquals(await prepareDatabase(database), []);
    assertEquals(await storedNumbers(database), numbers(100));
    assertEquals(await writeOnce(database, numberedBars(100, 50)), counts(50, 50));
  });
});

Deno.test("the socket lies in a directory that only its owner may enter, and is gone after closing", async () => {
  await using workspace = await openWorkspace();
  // Its own, as other tests make temporary directories meanwhile.
  const temporary = join(workspace.directory, "temporary");
  await Deno.mkdir(temporary);
  const running = workspace.startIngest(["--provider", "mock"], { env: { TMPDIR: temporary } });
  await running.line(/Provider "?mock"? opened/);
  // The runtime of the binary saves compiled code there, once it has run for a while.
  const list = async () =>
    (await Array.fromAsync(Deno.readDir(temporary), ({ name }) => name)).filter((name) => !name.endsWith(".cache"));
  const [name, ...more] = await list();
  assertEquals(more, []);
  const directory = join(temporary, name);
  assertEquals((await Deno.stat(directory)).mode! & 0o777, 0o700);
  assertEquals((await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort(), [
    ".s.PGSQL.5432",
    "readers",
  ]);
  assertEquals((await Deno.stat(join(workspace.dataDir, "postgres"))).mode! & 0o777, 0o700);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
  assertEquals(await list(), []);
});

const noProc = Deno.build.os === "linux" ? undefined : "there is no /proc to look into";

testWhere(noProc, "nothing listens on a TCP port", async () => {
  await using workspace = await openWorkspace();
  const running = workspace.startIngest(["--provider", "mock"]);
  await running.line(/Provider "?mock"? opened/);
  assertEquals(await listeningTcpSockets(running.pid), []);
  running.kill("SIGTERM");
  await running.ended;
  // To see that the test would see one.
  const serving = workspace.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  await addressOf(serving);
  assertEquals((await listeningTcpSockets(serving.pid)).length, 1);
  serving.kill("SIGTERM");
  await serving.ended;
});

Deno.test("a second opener in the same process is refused, and the first keeps running", async () => {
  await withDirectory(async (directory) => {
    await using database = await openEmbedded(directory);
    const error = await assertRejects(() => openEmbedded(directory), Error);
    assertEquals(
      error.message,
      `Cannot use the embedded database in "${join(directory, "postgres")}": process ${Deno.pid} has it. ` +
        "Stop that process, or choose another place with --data-dir",
    );
    assertEquals(await select(database, "SELECT 1 AS one"), [{ one: 1 }]);
  });
});

Deno.test("a second process is refused with the number of the first, and the first keeps running", async () => {
  await using workspace = await openWorkspace();
  await using database = await openEmbedded(workspace.dataDir);
  const { code, stderr } = await workspace.run(["migrate", "--data-dir", workspace.dataDir]);
  assertEquals(code, 1);
  assert(stderr.includes(`process ${Deno.pid} has it. Stop that process`), stderr);
  assertEquals(await select(database, "SELECT 1 AS one"), [{ one: 1 }]);
});

Deno.test("acknowledged rows outlive a kill -9 in mid-run, twice over", async () => {
  await using workspace = await openWorkspace();
  for (let round = 1; round <= 2; round++) {
    const running = workspace.startIngest([
      ...["--provider", "mock", "--symbols", `ROUND${round}`, "--speed", "max", "--batch-size", "200"],
      ...["--http", "127.0.0.1:0"],
    ]);
    const url = /http:\/\/[^\s"/]+/.exec(await running.line(/http:\/\//))![0];
    let acknowledged = 0;
    await until(async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      acknowledged = Number(/^barline_records_stored_total\{tenant="default"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
      return acknowledged >= 2000;
    });
    running.kill("SIGKILL");
    assertEquals((await running.ended).code, 137);
    await using database = await openEmbedded(workspace.dataDir);
    const [{ count }] = await withClient(
      database,
      async (client) =>
        (await client.query("SELECT count(*)::int AS count FROM bars WHERE symbol = $1", [`ROUND${round}`])).rows,
    );
    assert(count >= acknowledged, `${acknowledged} were acknowledged, ${count} are there`);
  }
});

Deno.test("a directory that is full of something else is not touched", async () => {
  await withDirectory(async (directory) => {
    await Deno.mkdir(join(directory, "postgres"));
    await Deno.writeTextFile(join(directory, "postgres", "diary.txt"), "dear diary");
    const error = await assertRejects(() => openEmbedded(directory), Error);
    assert(error.message.includes("the directory is not empty and holds no database"), error.message);
    assertEquals(await Deno.readTextFile(join(directory, "postgres", "diary.txt")), "dear diary");
  });
});

Deno.test("a half-made database is created again", async () => {
  await withDirectory(async (directory) => {
    await Deno.mkdir(join(directory, "postgres.new", "base"), { recursive: true });
    await Deno.writeTextFile(join(directory, "postgres.new", "PG_VERSION"), "18\n");
    await using database = await openEmbedded(directory);
    assertEquals(await select(database, "SELECT 1 AS one"), [{ one: 1 }]);
  });
});

Deno.test("a program that has closed its embedded database ends by itself", async () => {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fromFileUrl(new URL("../support/embedded_once.ts", import.meta.url)), directory],
    stdout: "piped",
  }).spawn();
  const { value } = await child.stdout.getReader().read();
  assertEquals(new TextDecoder().decode(value), "closed\n");
  const closed = performance.now();
  assertEquals((await child.status).code, 0);
  // It was kept by the longest start, of two minutes.
  assert(performance.now() - closed < 60_000);
  await Deno.remove(directory, { recursive: true });
});
