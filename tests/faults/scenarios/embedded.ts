/**
 * The embedded database under faults of its own: a first start that is killed, runs that are, and a disk that fills.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { withClient } from "../../../src/database/database.ts";
import { openEmbedded } from "../../../src/database/embedded.ts";
import { openWorkspace, type Workspace } from "../../support/workspace.ts";
import { startIngest } from "../harness/ingest.ts";
import { assertWhole, SYMBOLS } from "../harness/oracle.ts";
import type { Scenario } from "../harness/scenario.ts";
import { canMount } from "../harness/surroundings.ts";
import { readTable } from "../harness/table.ts";

const MOCK = ["--provider", "mock", "--symbols", SYMBOLS.join(","), "--speed", "max", "--rate", "5000", "--resume"];

/** Throws unless the table is a beginning of what was sent, without a gap; gives how long it is. */
async function assertBeginning(work: Workspace): Promise<number> {
  await using database = await openEmbedded(work.dataDir);
  return await withClient(database, async (client) => {
    const [{ count }] = (await client.query("SELECT count(*)::int AS count FROM bar")).rows;
    await assertWhole(count, { table: readTable(client), letters: [] });
    return count;
  });
}

/** Starts a run and kills it after a time, unless it has ended before. */
async function runAndKill(work: Workspace, args: readonly string[], ms: number): Promise<void> {
  const running = work.startIngest(args);
  let over = false;
  await Promise.race([delay(ms), running.ended.then(() => over = true)]);
  if (over) return;
  running.kill("SIGKILL");
  await running.ended;
}

/** Scenarios of the embedded database. */
export const embedded: readonly Scenario[] = [
  {
    name: "killed-first-start",
    promise: "an embedded database whose first start is killed at any moment starts the next time",
    async run({ random }) {
      await using work = await openWorkspace();
      const args = [...MOCK, "--limit", "3000"];
      for (let rounds = 2; rounds > 0; rounds--) await runAndKill(work, args, random.between(200, 4000));
      const { code, stderr } = await work.ingest(args);
      assertEquals(code, 0, stderr);
      assert(await assertBeginning(work) >= 3000);
    },
  },
  {
    name: "killed-embedded",
    promise: "an embedded database that is killed while it writes has all that was committed, and goes on",
    coveredBy: "tests/database/embedded_test.ts",
    async run({ random }) {
      await using work = await openWorkspace();
      await work.ingest([...MOCK, "--limit", "1000"]);
      for (let rounds = random.between(1, 2); rounds > 0; rounds--) {
        const run = await startIngest(work, MOCK);
        await run.stored(random.between(1, 4000));
        const stored = await run.read("barline_records_stored_total") +
          await run.read("barline_records_unchanged_total");
        await run.kill();
        assert(await assertBeginning(work) >= stored, "committed bars are gone");
      }
      const { code, stderr } = await work.ingest([...MOCK, "--limit", "1000"]);
      assertEquals(code, 0, stderr);
      await assertBeginning(work);
    },
  },
  {
    name: "embedded-disk-full",
    promise: "an embedded database whose disk is full waits for room, and goes on when there is some",
    missing: canMount(),
    coveredBy: "tests/database/embedded_full_test.ts",
    async run({ random }) {
      await using work = await openWorkspace();
      await Deno.mkdir(work.dataDir);
      const mount = new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=300m", "none", work.dataDir] });
      if (!(await mount.output()).success) throw new Error(`Cannot mount a file system at "${work.dataDir}"`);
      try {
        await work.ingest([...MOCK, "--limit", "1000"]);
        const ballast = join(work.dataDir, "ballast");
        const { success } = await new Deno.Command("dd", {
          args: ["if=/dev/zero", `of=${ballast}`, "bs=1M"],
          stderr: "null",
        }).output();
        assert(!success, "the disk did not fill");
        await Deno.truncate(ballast, (await Deno.stat(ballast)).size - random.between(1, 3) * 2 ** 20);
        const run = await startIngest(work, [...MOCK, "--rate", "20000", "--circuit-open-ms", "200"]);
        await run.failing(2);
        await Deno.remove(ballast);
        await run.stored(1000);
        const { code, stderr } = await run.stop();
        assertEquals(code, 0, stderr);
        await assertBeginning(work);
      } finally {
        await new Deno.Command("umount", { args: ["--lazy", work.dataDir] }).output();
      }
    },
  },
];
