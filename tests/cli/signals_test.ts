import { assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { Client } from "pg";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const missing = missingServer() ?? (Deno.build.os === "windows" ? "Windows has no SIGHUP" : undefined);

testWhere(missing, "SIGHUP during a start reloads as soon as there is something to reload", async () => {
  await using work = await openWorkspace(server);
  const path = await work.write("barline.yaml", "symbols: [AAPL]\n");
  // The start waits for whoever makes the same table, as another process that migrates does.
  const holder = new Client({ connectionString: work.database });
  await holder.connect();
  await holder.query("BEGIN; CREATE TABLE public.barline_migration (version int PRIMARY KEY)");
  const running = work.startIngest(["--config", path, "--provider", "mock"]);
  while ((await work.query("SELECT 1 FROM pg_locks WHERE NOT granted")).length === 0) await delay(20);
  running.kill("SIGHUP");
  await Deno.writeTextFile(path, "symbols: [AAPL, MSFT]\n");
  await holder.end();
  await running.line(/Reloaded: .*"replaced":\["mock"\]/);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

/** Whether the process has a handler of SIGTERM; `false` also once it is gone. */
async function hearsSigterm(pid: number): Promise<boolean> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (caught >> 14n & 1n) === 1n;
}

/** Starts that a signal may meet in the moment between the runtime's handlers and Barline's. */
const ATTEMPTS = 30;

testWhere(
  Deno.build.os === "linux" ? undefined : "only Linux shows the handlers of a process",
  "SIGTERM while the program loads ends with the JSON of a stopped run and exit code 143",
  async () => {
    await using work = await openWorkspace(server);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const running = work.startIngest(["--provider", "mock", "--limit", "1000000"]);
      while (!await hearsSigterm(running.pid)) await delay(1);
      running.kill("SIGTERM");
      const ended = await running.ended;
      if (ended.signal !== null) continue;
      assertEquals([ended.code, ended.json.ended, ended.json.stored], [143, "stopped", 0], ended.stderr);
      assertStringIncludes(ended.stderr, "Stopped by SIGTERM before the run began");
      return;
    }
    throw new Error(`SIGTERM ended each of ${ATTEMPTS} starts without a word`);
  },
);

for (const delayMs of [0, 5, 10, 20, 50, 100, 200, 400, 800]) {
  Deno.test(`SIGTERM ${delayMs} ms after a start gives an exit code of the table, and JSON where Barline has begun`, async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--limit", "10000", "--rate", "1"]);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    running.kill("SIGTERM");
    const ended = await running.ended;
    assertEquals(ended.code, 143, ended.stderr);
    // Before the runtime runs any code of Barline's the system ends the process.
    if (ended.signal === null) assertEquals(ended.json.ended, "stopped", ended.stderr);
    else assertEquals([ended.signal, ended.stdout], ["SIGTERM", ""]);
  });
}
