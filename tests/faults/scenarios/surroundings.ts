/**
 * What is around the process and changes: passwords, names, rights, room, clocks, and how fast things are.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { deadLetterDirectory } from "../../../src/dead_letters/files.ts";
import { startIngest } from "../harness/ingest.ts";
import { oracleCsv } from "../harness/oracle.ts";
import { startProxy } from "../harness/proxy.ts";
import type { Scenario } from "../harness/scenario.ts";
import { terminateBackends, useWriter } from "../harness/sessions.ts";
import { canMount, FAKETIME, hasFaketime, WITHOUT_OVERRIDE } from "../harness/surroundings.ts";

const MOCK = ["--provider", "mock", "--symbols", "S0,S1,S2,S3,S4", "--speed", "max"];

/** Scenarios of what is around the process. */
export const surroundings: readonly Scenario[] = [
  {
    name: "password-changed",
    promise: "a password that is changed meanwhile ends the run with a clear word, and nothing is lost",
    async run(trial) {
      const url = await useWriter(trial);
      const run = await trial.ingest(["--database", url.href, "--resume"]);
      await run.stored(trial.random.between(1, 5000));
      await trial.work.query(`ALTER ROLE ${url.username} PASSWORD 'second'`);
      await terminateBackends(trial);
      const { code, json, stderr } = await run.running.ended;
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "28P01");
      assertStringIncludes(stderr, "Check user and password (POSTGRES_USER, POSTGRES_PASSWORD)");
      assert(!stderr.includes("first"), "the password is shown");
      await trial.assertWhole(json.received);
      url.password = "second";
      const target = ["--database", url.href, "--data-dir", trial.work.dataDir];
      assertEquals((await trial.work.run(["dlq", "replay", ...target])).code, 0);
      await trial.assertDelivered(json.received);
      const again = await trial.work.ingest([...MOCK, ...target, "--resume", "--limit", "1000"]);
      assertEquals(again.code, 0, again.stderr);
      await trial.assertDelivered(json.received + 1000);
    },
  },
  {
    name: "dns-change",
    promise: "a server that has moved to another address is found under its name, and gets every bar",
    missing: canMount(),
    async run(trial) {
      const hosts = await trial.work.write("hosts", "127.0.0.1 localhost\n127.0.0.1 db.test\n");
      const url = new URL(trial.work.database);
      url.hostname = "db.test";
      const before = await startProxy(trial.control.port, "127.0.0.1");
      url.port = String(before.port);
      // In a mount name space of its own the run sees this file of hosts, and nobody else does.
      const run = await trial.ingest(["--database", url.href], {
        through: ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts],
      });
      await run.stored(trial.random.between(1, 5000));
      await before[Symbol.asyncDispose]();
      await run.failing(trial.random.between(1, 5));
      await using _after = await startProxy(trial.control.port, "127.0.0.2", before.port);
      await run.failing(1);
      await Deno.writeTextFile(hosts, "127.0.0.1 localhost\n127.0.0.2 db.test\n");
      await run.stored(1);
      const { code, json, stderr } = await run.stop();
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(json.received);
    },
  },
  {
    name: "permission-taken",
    promise: "dead letters that may no longer be written end the run, and what they would have held can be read again",
    async run(trial) {
      const { work, random } = trial;
      await work.migrate();
      await work.query("ALTER TABLE bar ADD CONSTRAINT few CHECK (mod(volume::int, 10) > 0)");
      const args = ["--file", await work.write("bars.csv", await oracleCsv(6000)), "--resume", "--batch-size", "100"];
      const run = await startIngest(work, [...args, "--rate", "3000"], { through: WITHOUT_OVERRIDE });
      const letters = random.between(1, 200);
      await run.until((value) => value > letters, "barline_records_dead_lettered_total");
      const directory = deadLetterDirectory(work.dataDir);
      await Deno.chmod(directory, 0);
      const { code, json, stderr } = await run.running.ended;
      await Deno.chmod(directory, 0o700);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, `to "${directory}": make room or give the right to write there`);
      assert(json.inFlight > 0, "what was not kept counts as kept");
      const again = await work.ingest(args);
      assertEquals([again.code, again.json.inFlight], [0, 0], again.stderr);
      await trial.assertWhole(6000);
    },
  },
  {
    name: "clock-set-back",
    promise: "a clock that is set back an hour disturbs neither the flow nor what is remembered of it",
    missing: hasFaketime(),
    async run(trial) {
      const { work, random } = trial;
      const clock = await work.write("clock", "+0");
      const options = { through: ["env", ...FAKETIME, `FAKETIME_TIMESTAMP_FILE=${clock}`] };
      const positions = join(work.dataDir, "positions");
      await Deno.mkdir(positions, { recursive: true });
      const run = await trial.ingest(["--resume", "--rate", "5000"], options);
      await run.stored(random.between(1, 2000));
      await Deno.writeTextFile(clock, "-1h");
      const find = () => [...Deno.readDirSync(positions)].find(({ name }) => name.endsWith(".json"))?.name;
      let name = find();
      for (; name === undefined; name = find()) await run.stored(1);
      const saved = await Deno.readTextFile(join(positions, name));
      await run.stored(random.between(1, 2000));
      // Positions are saved each second.
      while (await Deno.readTextFile(join(positions, name)) === saved) {
        await run.stored(1);
        await delay(20);
      }
      await run.kill();
      const again = await work.ingest([...MOCK, "--resume", "--limit", "5000"], options);
      assertEquals(again.code, 0, again.stderr);
      await trial.assertDelivered(await work.count());
    },
  },
  {
    name: "slow-disk",
    promise: "a server whose disk takes long to sync costs time, and no bar",
    coveredBy: "delayed",
    async run(trial) {
      const set = async (...settings: string[]) => {
        for (const setting of settings) await trial.server.query(`ALTER SYSTEM ${setting}`);
        await trial.server.query("SELECT pg_reload_conf()");
      };
      // Each commit waits that many microseconds before it syncs.
      await set(
        "SET fsync = on",
        `SET commit_delay = ${trial.random.between(50_000, 100_000)}`,
        "SET commit_siblings = 0",
      );
      try {
        const run = await trial.ingest();
        await run.stored(trial.random.between(2000, 10_000));
        const { code, json, stderr } = await run.stop();
        assertEquals(code, 0, stderr);
        await trial.assertDelivered(json.received);
      } finally {
        await set("RESET fsync", "RESET commit_delay", "RESET commit_siblings");
      }
    },
  },
  {
    name: "slow-rows",
    promise: "batches that the server cannot write in the time they have are written in smaller ones",
    coveredBy: "tests/faults/too_slow_test.ts",
    async run(trial) {
      const { work } = trial;
      await work.migrate();
      await work.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(0.003); RETURN new; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION slow()`);
      const run = await trial.ingest(["--batch-size", "1000", "--limit", "1500", "--workers", "4"]);
      const { code, stderr } = await run.running.ended;
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(1500);
    },
  },
];
