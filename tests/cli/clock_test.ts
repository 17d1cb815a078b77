import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { FAKETIME, hasFaketime } from "../faults/harness/surroundings.ts";
import { csvFile } from "../support/bars.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const missing = missingServer() ?? hasFaketime();

/** A wall clock of the workspace that processes see, and that tests set. */
function makeClock(work: Workspace) {
  const path = join(work.directory, "clock");
  return {
    set: (time: string) => Deno.writeTextFile(path, time),
    options: { through: ["env", ...FAKETIME, `FAKETIME_TIMESTAMP_FILE=${path}`] },
  };
}

testWhere(missing, "while the clock is not set nothing is read, and all is stored when it is", async () => {
  await using work = await openWorkspace(server);
  const clock = makeClock(work);
  await clock.set("@1980-01-01 00:00:00");
  const running = work.startIngest(["--file", await work.write("bars.csv", csvFile(20))], clock.options);
  const told = await running.line(/The clock says/);
  assertStringIncludes(told, "The clock says 1980-01-01T00:0");
  await clock.set("+0");
  const { code, json } = await running.ended;
  assertEquals([code, json.received, json.stored, json.deadLettered], [0, 20, 20, 0]);
});

testWhere(missing, "a correction after a restart with an earlier clock is stored", async () => {
  await using work = await openWorkspace(server);
  const clock = makeClock(work);
  const bar = (close: number) =>
    work.write("bar.csv", `symbol,ts,open,high,low,close,volume\nAAPL,2024-01-02T14:30:00Z,1,9,1,${close},3\n`);
  await clock.set("+0");
  assertEquals((await work.ingest(["--file", await bar(2)], clock.options)).json.stored, 1);
  await clock.set("-120");
  const { json } = await work.ingest(["--file", await bar(3)], clock.options);
  assertEquals([json.stored, json.unchanged], [1, 0]);
  assertEquals(await work.query("SELECT close FROM bars"), [{ close: 3 }]);
});
