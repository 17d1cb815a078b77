import { assertEquals } from "@std/assert";
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
  while ((await work.query("SELECT 1 FROM pg_locks WHERE NOT granted")).length === 0);
  running.kill("SIGHUP");
  await Deno.writeTextFile(path, "symbols: [AAPL, MSFT]\n");
  await holder.end();
  await running.line(/Reloaded: .*"replaced":\["mock"\]/);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});
