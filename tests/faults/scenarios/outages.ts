/**
 * Outages: for a while nothing can be written, and then it can again. Whatever the cause, every bar must be stored in the
 * end, and none dead-lettered.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
// @ts-types="@types/pg"
import { Client } from "pg";
import type { Ingest } from "../harness/ingest.ts";
import type { Scenario, Trial } from "../harness/scenario.ts";
import { terminateBackends, useWriter } from "../harness/sessions.ts";

/** How an outage begins and ends. */
interface Outage {
  readonly name: string;
  readonly promise: string;
  /** Prepares the database, and gives the flags of the run. */
  prepare?(trial: Trial): Promise<readonly string[]>;
  readonly coveredBy?: string;
  /** Whether one failed write must do: because it takes seconds, or because there may be no second. */
  readonly once?: true;
  /** Begins it, and gives how to end it. */
  begin(trial: Trial): Promise<() => Promise<unknown>>;
}

function outage({ name, promise, coveredBy, prepare, once, begin }: Outage): Scenario {
  return {
    name,
    promise,
    coveredBy,
    async run(trial) {
      const run = await trial.ingest(await prepare?.(trial));
      for (let rounds = trial.random.between(1, 3); rounds > 0; rounds--) {
        await disturb(trial, run, begin, once ? 1 : trial.random.between(1, 6));
      }
      const { code, json, stderr } = await run.stop();
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(json.received);
    },
  };
}

/** One outage, which lasts until that many writes have failed. */
async function disturb(trial: Trial, run: Ingest, begin: Outage["begin"], failures: number): Promise<void> {
  await run.stored(trial.random.between(1, 8000));
  const errors = await run.read(...TRANSIENT);
  const end = await begin(trial);
  try {
    await run.until((value) => value >= errors + failures, ...TRANSIENT);
  } finally {
    await end();
  }
  await run.stored(1);
}

const TRANSIENT = ["mds_worker_write_errors_total", 'error_type="transient"'] as const;

/** Changes the database's settings, and lets the run connect anew under them. */
async function setDatabase(trial: Trial, setting: string): Promise<void> {
  const name = new URL(trial.work.database).pathname.slice(1);
  await trial.server.query(`ALTER DATABASE ${name} ${setting}`);
}

/** Takes every place that the server has for users, also those that the run gives up. */
async function useUpConnections(trial: Trial, user: string): Promise<() => Promise<void>> {
  const hogs: Client[] = [];
  const take = async () => {
    const hog = new Client({ connectionString: user });
    hog.on("error", () => {});
    await hog.connect();
    hogs.push(hog);
  };
  const theirs = "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'barline'";
  do {
    await terminateBackends(trial);
    for (let full = false; !full;) {
      await take().catch((error) => {
        assertEquals(error.code, "53300");
        full = true;
      });
    }
  } while ((await trial.server.query(theirs))[0].count as number > 0);
  return async () => void await Promise.all(hogs.map((hog) => hog.end()));
}

let writer = "";

/** The outages. */
export const outages: readonly Scenario[] = [
  outage({
    name: "terminated",
    promise: "backends that are terminated in mid-batch cost no bar",
    coveredBy: "terminated of tests/chaos/chaos_test.ts",
    once: true,
    begin(trial) {
      // A backend that rests is replaced without a failed write: again, until one has been hit.
      let isOver = false;
      const ending = (async () => {
        while (!isOver) await terminateBackends(trial);
      })();
      return Promise.resolve(async () => {
        isOver = true;
        await ending;
      });
    },
  }),
  ...(["fast", "immediate"] as const).map((mode) =>
    outage({
      name: `stopped-${mode}`,
      promise: `a server that is stopped (${mode}) and started again gets every bar`,
      ...mode === "fast" ? { coveredBy: "outage-journaled" } : {},
      async begin({ control }) {
        await control.stop(mode);
        return control.start;
      },
    })
  ),
  outage({
    name: "hung",
    promise: "a server that hangs and goes on gets every bar",
    once: true,
    async begin({ control }) {
      await control.signal("SIGSTOP");
      return () => control.signal("SIGCONT");
    },
  }),
  outage({
    name: "locked",
    promise: "a table that somebody else has locked gets every bar when it is let go",
    coveredBy: "tests/faults/held_test.ts",
    once: true,
    async begin({ work }) {
      const holder = new Client({ connectionString: work.database });
      await holder.connect();
      await holder.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
      return () => holder.end();
    },
  }),
  outage({
    name: "lock-timeout",
    promise: "locks that are not had in time (55P03) are waited for again",
    coveredBy: "passing-errors of tests/chaos/chaos_test.ts",
    async prepare(trial) {
      await setDatabase(trial, "SET lock_timeout = 20");
      return [];
    },
    async begin({ work }) {
      const holder = new Client({ connectionString: work.database });
      await holder.connect();
      await holder.query("BEGIN; SET lock_timeout = 0; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
      return () => holder.end();
    },
  }),
  outage({
    name: "slots-used-up",
    promise: "a server without a free connection (53300) gets every bar when there is one again",
    coveredBy: "tests/sinks/connections_test.ts",
    async prepare(trial) {
      writer = (await useWriter(trial)).href;
      return ["--database", writer];
    },
    begin: (trial) => useUpConnections(trial, writer),
  }),
  outage({
    name: "read-only",
    promise: "a server that is read-only for a while (25006), as in a failover, gets every bar",
    coveredBy: "failover",
    async begin(trial) {
      await setDatabase(trial, "SET default_transaction_read_only = on");
      await terminateBackends(trial);
      return () => setDatabase(trial, "RESET default_transaction_read_only");
    },
  }),
  {
    name: "away-at-stop",
    promise: "a stop during an outage ends in time, with every bar that is not stored among the dead letters",
    async run(trial) {
      const run = await trial.ingest(["--drain-timeout", "0.5"]);
      await run.stored(trial.random.between(1, 8000));
      await trial.control.stop("immediate");
      let received = 0;
      try {
        await run.failing();
        const { json, stderr } = await run.stop();
        received = json.received;
        assert(json.deadLettered > 0, stderr);
      } finally {
        await trial.control.start();
      }
      await trial.assertWhole(received);
    },
  },
];
