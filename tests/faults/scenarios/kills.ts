/**
 * The process killed (SIGKILL) at random moments: whoever starts it again comes to the same table as without.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
// @ts-types="@types/pg"
import { Client } from "pg";
import { withClient } from "../../../src/database/database.ts";
import { deadLetterDirectory } from "../../../src/dead_letters/files.ts";
import { formatLetter } from "../../../src/dead_letters/letter.ts";
import type { Running } from "../../support/process.ts";
import { databaseAt } from "../../support/server_tests.ts";
import { startIngest } from "../harness/ingest.ts";
import { assertWhole, oracleCsv, SYMBOLS } from "../harness/oracle.ts";
import type { Scenario } from "../harness/scenario.ts";
import { readTable } from "../harness/table.ts";

/** Kills a process after that time, unless it has ended before. */
async function killAfter(running: Running, ms: number): Promise<void> {
  let over = false;
  await Promise.race([delay(ms), running.ended.then(() => over = true)]);
  if (over) return;
  running.kill("SIGKILL");
  await running.ended;
}

const MOCK = ["--provider", "mock", "--symbols", SYMBOLS.join(","), "--speed", "max", "--rate", "20000", "--resume"];

/** Size at which a file of dead letters is full. */
const FULL_BYTES = 64 * 1024 * 1024;

/** Leaves a file of dead letters in which there is room for that many bytes, in a few long letters. */
async function fillLetterFile(dataDir: string, room: number): Promise<void> {
  const directory = deadLetterDirectory(dataDir);
  await Deno.mkdir(directory, { recursive: true });
  const letter = { cause: "refused", reason: "filler", kind: "bar", provider: "none", item: "" } as const;
  const line = formatLetter({ ...letter, item: "x".repeat(1024 * 1024) }, 0);
  const count = Math.floor((FULL_BYTES - room) / line.length);
  await Deno.writeTextFile(join(directory, "2000-01-01T000000.000Z.ndjson"), line.repeat(count));
}

/** Scenarios of killed processes. */
export const kills: readonly Scenario[] = [
  {
    name: "killed",
    promise: "a run that is killed again and again and resumed leaves no gap and no change",
    async run(trial) {
      const { random, work } = trial;
      for (let rounds = random.between(1, 3); rounds > 0; rounds--) {
        await killAfter(work.startIngest(MOCK), random.between(200, 2500));
      }
      // However slow the machine is, one of them is killed while it writes.
      const run = await startIngest(work, MOCK);
      await run.stored(random.between(1, 20_000));
      await run.kill();
      const count = await work.count();
      // More than a run that is killed can have written since it saved its position.
      const { code, json, stderr } = await work.ingest([...MOCK, "--rate", "100000", "--limit", "60000"]);
      assertEquals(code, 0, stderr);
      const sent = await work.count();
      assert(sent > count && json.received === 60_000, "the last run did not go on");
      await trial.assertDelivered(sent);
    },
  },
  {
    name: "killed-file",
    promise: "a file whose replay is killed and resumed is stored whole",
    coveredBy: "killed-dead-letters",
    async run(trial) {
      const file = await trial.work.write("bars.csv", await oracleCsv(30_000));
      const args = ["--file", file, "--resume", "--rate", "20000"];
      for (let rounds = trial.random.between(2, 4); rounds > 0; rounds--) {
        await killAfter(trial.work.startIngest(args), trial.random.between(200, 2000));
      }
      const { code, stderr } = await trial.work.ingest(["--file", file, "--resume"]);
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(30_000);
    },
  },
  {
    name: "killed-migration",
    promise: "a migration that is killed leaves nothing half made, and no lock",
    async run(trial) {
      const { work } = trial;
      const args = ["migrate", "--database", work.database];
      const holder = new Client({ connectionString: work.database });
      await holder.connect();
      // As another migration does first: this one waits until it has ended.
      await holder.query("BEGIN; CREATE TABLE barline_migration (version integer PRIMARY KEY)");
      const running = work.start(args);
      const waits = "SELECT 1 FROM pg_locks WHERE NOT granted";
      while ((await holder.query(waits)).rowCount === 0) await delay(10);
      running.kill("SIGKILL");
      await running.ended;
      await holder.end();
      for (let rounds = 0; rounds < 3; rounds++) {
        await killAfter(work.start(args), trial.random.between(100, 800));
      }
      const { code, stderr } = await work.ingest([...MOCK, "--limit", "1000"]);
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(1000);
    },
  },
  {
    name: "killed-dead-letters",
    promise: "dead-lettering that is killed, also where a new file is begun, keeps every line that was refused",
    async run(trial) {
      const { work, random } = trial;
      await fillLetterFile(work.dataDir, random.between(10_000, 1_000_000));
      const good = (await oracleCsv(5000)).split("\n");
      // Every other line from the second on.
      const lines = [good[0], ...good.slice(1).flatMap((line, at) => [line, `broken,${at}`])];
      const args = ["--file", await work.write("bars.csv", lines.join("\n")), "--resume", "--rate", "10000"];
      for (let rounds = random.between(2, 3); rounds > 0; rounds--) {
        await killAfter(trial.work.startIngest(args), trial.random.between(200, 2000));
      }
      const { code, stderr } = await work.ingest(args);
      assertEquals(code, 0, stderr);
      const letters = (await work.letters()).filter(({ metadata }) => metadata.cause === "invalid");
      const refused = new Set(letters.map(({ metadata }) => metadata.location!.split(":").at(-1)));
      assertEquals(refused.size, lines.filter((line) => line.startsWith("broken,")).length);
      await withClient(
        databaseAt(work.database),
        (client) => assertWhole(5000, { table: readTable(client), letters: [] }),
      );
    },
  },
  {
    name: "killed-dlq-replay",
    promise: "a replay of dead letters that is killed loses none, and may be repeated",
    async run(trial) {
      const { work, random } = trial;
      await work.migrate();
      await work.query("ALTER TABLE bar ADD CONSTRAINT nothing CHECK (false)");
      const { json } = await work.ingest([...MOCK, "--limit", "3000", "--batch-size", "500"]);
      assertEquals(json.deadLettered, 3000);
      await work.query("ALTER TABLE bar DROP CONSTRAINT nothing");
      const args = ["dlq", "replay", "--database", work.database, "--data-dir", work.dataDir, "--batch-size", "50"];
      for (let rounds = random.between(2, 4); rounds > 0; rounds--) {
        await killAfter(work.start(args), random.between(300, 1500));
        await trial.assertWhole(3000);
      }
      const { code, stderr } = await work.run(args);
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(3000);
    },
  },
];
