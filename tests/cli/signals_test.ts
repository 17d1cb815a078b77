import { assertEquals } from "@std/assert";
import { Client } from "pg";
import { LOCK_KEY } from "../../src/database/migrate.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const missing = missingServer() ?? (Deno.build.os === "windows" ? "Windows has no SIGHUP" : undefined);

testWhere(missing, "SIGHUP during a start reloads as soon as there is something to reload", async () => {
  await using work = await openWorkspace(server);
  const path = await work.write("barline.yaml", "symbols: [AAPL]\n");
  // The start waits for the lock of migrations for as long as the test holds it.
  const holder = new Client({ connectionString: work.database });
  await holder.connect();
  await holder.query("SELECT pg_advisory_lock($1)", [LOCK_KEY]);
  const running = work.startIngest(["--config", path, "--provider", "mock"]);
  while ((await work.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length === 0);
  running.kill("SIGHUP");
  await Deno.writeTextFile(path, "symbols: [AAPL, MSFT]\n");
  await holder.end();
  await running.line(/Reloaded: .*"replaced":\["mock"\]/);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});
