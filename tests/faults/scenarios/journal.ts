/**
 * The journal: what the database cannot take waits on disk, survives a kill, and comes out in order.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import type { Ingest } from "../harness/ingest.ts";
import { SYMBOLS } from "../harness/oracle.ts";
import type { Scenario, Trial } from "../harness/scenario.ts";
import { terminateBackends, useWriter } from "../harness/sessions.ts";
import { canMount } from "../harness/surroundings.ts";
import { addressOf } from "../../support/process.ts";

/** Paced as a live feed: five bars at once, so many a second. */
const live = (rate: number) => ["--speed", String(rate * 60 / SYMBOLS.length)];
/** Small segments, so that they are begun and removed all the time. */
const SMALL = ["--journal-max-bytes", String(1 << 20)];

/** Gives what lies in the journal to the database, and no more than a few bars beside. */
async function deliverRest(trial: Trial, ...args: string[]): Promise<void> {
  const { code, json, stderr } = await trial.work.ingest([
    ...["--provider", "mock", "--symbols", SYMBOLS.join(","), "--limit", "5", "--journal", "durable", ...args],
  ]);
  assertEquals([code, json.journaled], [0, 0], stderr);
}

/** Throws unless the table is a beginning of what was sent, of at least that many bars. */
async function assertBeginning(trial: Trial, least: number): Promise<void> {
  const count = await trial.work.count();
  assert(count >= least, `${least} bars were accepted, ${count} are in the table`);
  await trial.assertDelivered(count);
}

const read = (run: Ingest) => run.read("barline_records_received_total");

/** Scenarios of the journal. */
export const journal: readonly Scenario[] = [
  {
    name: "durable-killed",
    promise: "in mode durable no bar that was accepted is lost by a kill, whether the database is there or not",
    async run(trial) {
      const { control, random, work } = trial;
      let accepted = 0;
      for (let rounds = random.between(2, 3); rounds > 0; rounds--) {
        const away = random.between(0, 1) === 1;
        const run = await trial.ingest([...live(5000), "--journal", "durable", ...random.pick([SMALL, []])]);
        await run.stored(1).catch(async (error) => {
          // What lies in the journal from before may be all there is to store.
          if (await work.count() === 0) throw error;
        });
        if (away) await control.stop("fast");
        try {
          const more = random.between(1, 5000);
          const before = await read(run);
          accepted = await run.until((value) => value >= before + more, "barline_records_received_total");
          await run.kill();
        } finally {
          if (away) await control.start();
        }
        await deliverRest(trial);
        // Each run began at the first bar.
        await assertBeginning(trial, accepted);
        await work.query("TRUNCATE bar");
      }
    },
  },
  {
    name: "drain-killed",
    promise: "a recovery that is killed again and again goes on where it was, and loses nothing",
    async run(trial) {
      const { control, random, work } = trial;
      const overflow = ["--journal", "overflow", "--journal-max-bytes", String(4 << 20)];
      const run = await trial.ingest([...live(10_000), ...overflow, "--drain-timeout", "0.3"]);
      await run.stored(1);
      await control.stop("fast");
      let received = 0;
      try {
        await run.until((value) => value > 10_000, "barline_records_journaled");
        const { code, json, stderr } = await run.stop();
        assertEquals([code, json.deadLettered], [0, 0], stderr);
        assert(json.journaled > 10_000, stderr);
        received = json.received;
      } finally {
        await control.start();
      }
      for (let rounds = random.between(1, 3); rounds > 0; rounds--) {
        const running = work.startIngest([
          ...["--provider", "mock", "--symbols", SYMBOLS.join(","), "--limit", "5", "--journal", "durable"],
          ...["--batch-size", "50", "--workers", "1"],
        ]);
        let over = false;
        await Promise.race([running.ended.then(() => over = true), delay(random.between(300, 1500))]);
        if (!over) running.kill("SIGKILL");
        await running.ended;
      }
      await deliverRest(trial);
      await assertBeginning(trial, received);
      await trial.assertDelivered(received);
    },
  },
  {
    name: "outage-journaled",
    promise: "an outage under a live feed goes to disk, and comes back in order while the feed goes on",
    async run(trial) {
      const { control, work, records } = trial;
      const flags = ["--journal", "overflow", "--workers", "1", "--batch-size", "5000", "--write-timeout-ms", "5000"];
      const run = await trial.ingest([...live(5000), ...flags], { endless: true });
      await run.stored(1000);
      await control.stop("fast");
      const outageAt = performance.now();
      try {
        await run.until((value) => value >= records, "barline_records_journaled");
      } finally {
        await control.start();
      }
      const [journaled, recoveryAt, before] = [
        await run.read("barline_records_journaled"),
        performance.now(),
        await read(run),
      ];
      // With one lane, what is stored is always a beginning of what was sent. To count a large table takes long: the looks
      // must not be what the recovery waits for.
      let nextLookAt = 0;
      while (await run.read("barline_records_journaled") > 0) {
        const lookAt = performance.now();
        if (lookAt >= nextLookAt) {
          const [{ stored, last }] = await work.query(
            "SELECT count(*)::int AS stored, (extract(epoch FROM max(ts) - '2000-01-01Z') / 60)::int AS last FROM bar",
          );
          const ahead = (last as number + 1) * SYMBOLS.length - (stored as number);
          assert(ahead >= 0 && ahead < SYMBOLS.length, `${stored} bars are stored, the newest of minute ${last}`);
          nextLookAt = performance.now() + 30 * (performance.now() - lookAt);
        }
        await delay(50);
      }
      const seconds = (performance.now() - recoveryAt) / 1000;
      const meanwhile = await read(run) - before;
      trial.report(
        `journaled ${journaled} in ${((recoveryAt - outageAt) / 1000).toFixed(1)} s, drained in ${
          seconds.toFixed(1)
        } s: ` +
          `${Math.round((journaled + meanwhile) / seconds)} bars/s; ${
            Math.round(meanwhile / seconds)
          } live bars/s meanwhile`,
      );
      await run.stored(100);
      const { code, json, stderr } = await run.stop();
      assertEquals([code, json.journaled], [0, 0], stderr);
      await trial.assertDelivered(json.received);
    },
  },
  {
    name: "away-at-start",
    promise: "a run that starts while the database is away keeps what comes, and delivers it when it is there",
    async run(trial) {
      await trial.control.stop("fast");
      const run = await trial.ingest([...live(5000), "--journal", trial.random.pick(["overflow", "durable"])])
        .catch(async (error) => {
          await trial.control.start();
          throw error;
        });
      try {
        await run.until((value) => value > trial.random.between(1000, 10_000), "barline_records_received_total");
      } finally {
        await trial.control.start();
      }
      await run.stored(1000);
      const { code, json, stderr } = await run.stop();
      assertEquals([code, json.journaled], [0, 0], stderr);
      await trial.assertDelivered(json.received);
    },
  },
  {
    name: "fatal-journaled",
    promise: "with a journal a password that is changed meanwhile ends no run, costs no bar, and none is dead-lettered",
    coveredBy: "tests/faults/mid_run_test.ts",
    async run(trial) {
      const url = await useWriter(trial);
      const run = await trial.ingest([...live(5000), "--journal", "durable", "--database", url.href]);
      await run.stored(trial.random.between(1, 3000));
      await trial.work.query(`ALTER ROLE ${url.username} PASSWORD 'second'`);
      await terminateBackends(trial);
      await run.until((value) => value === 1, "mds_coord_circuit_state");
      assertEquals((await fetch(new URL("/readyz", await addressOf(run.running)))).status, 503);
      const before = await read(run);
      await run.until((value) => value > before + 1000, "barline_records_received_total");
      const { code, json, stderr } = await run.stop();
      assertEquals([code, json.deadLettered], [1, 0], stderr);
      assertStringIncludes(stderr, "Check user and password (POSTGRES_USER, POSTGRES_PASSWORD)");
      await deliverRest(trial);
      await trial.assertDelivered(json.received);
    },
  },
  {
    name: "file-size-limit",
    promise: "a limit on the size of files makes segments smaller, ends no run, and costs no bar",
    missing: Deno.build.os === "linux" ? undefined : "only Linux limits a process that runs",
    async run(trial) {
      const { control } = trial;
      const run = await trial.ingest([...live(5000), "--journal", "durable", "--journal-full", "drop-oldest"]);
      await run.stored(1);
      const { pid } = run.running;
      await new Deno.Command("prlimit", { args: [`--pid=${pid}`, `--fsize=${trial.random.between(300_000, 400_000)}`] })
        .output();
      await control.stop("fast");
      try {
        await run.until((value) => value >= 10_000, "barline_records_journaled");
      } finally {
        await control.start();
      }
      await run.until((value) => value === 0, "barline_records_journaled");
      const { code, json, stderr } = await run.stop();
      assertEquals([code, json.journaled, json.dropped], [0, 0, undefined], stderr);
      await trial.assertDelivered(json.received);
    },
  },
  {
    name: "journal-disk-full",
    promise: "a disk that is full holds the feed back, hinders no start, and nothing that was accepted is lost",
    missing: canMount(),
    async run(trial) {
      const { control, work } = trial;
      const directory = join(work.dataDir, "journal");
      await Deno.mkdir(directory, { recursive: true });
      const mount = async (...args: string[]) => {
        const { success, stderr } = await new Deno.Command("mount", { args, stderr: "piped" }).output();
        if (!success) throw new Error(`mount ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
      };
      await mount("-t", "tmpfs", "-o", "size=1m", "none", directory);
      try {
        const isKilled = trial.random.between(0, 1) === 1;
        const run = await trial.ingest([...live(20_000), "--journal", isKilled ? "durable" : "overflow"]);
        await run.stored(100);
        await control.stop("fast");
        let accepted = 0;
        try {
          await run.running.line(/no room|full|space/i);
          accepted = await read(run);
          if (isKilled) await run.kill();
        } finally {
          await control.start();
        }
        if (isKilled) {
          // Not a byte is left for the next start.
          const rest = [`of=${join(directory, "rest")}`, "if=/dev/zero", "bs=4096"];
          await new Deno.Command("dd", { args: rest, stderr: "null" }).output();
          await deliverRest(trial);
          return await assertBeginning(trial, accepted);
        }
        await run.until((value) => value === 0, "barline_records_journaled");
        await run.stored(100);
        const { code, json, stderr } = await run.stop();
        assertEquals([code, json.journaled], [0, 0], stderr);
        await trial.assertDelivered(json.received);
      } finally {
        await new Deno.Command("umount", { args: ["--lazy", directory] }).output();
      }
    },
  },
];
