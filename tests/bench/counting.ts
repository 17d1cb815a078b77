/**
 * Processor time of counting new and replaced rows apart, in the sink alone:
 *
 *     deno run -A tests/bench/counting.ts [--rows 5000] [--rounds 60]
 *
 * Two lanes write the same rows, each into a table of its own: one asks the server which rows are new, the other does not.
 * Their rounds alternate. What is measured is the time on the processor of the two servers' processes (schedstat) and of this one,
 * which other programs on the machine change little. Only the upsert counts: a COPY knows that all of its rows are new.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import process from "node:process";
// @ts-types="@types/pg"
import { Client } from "pg";
import type { Database } from "../../src/database/database.ts";
import { migrate } from "../../src/database/migrate.ts";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { openDatabase } from "../../src/database/open.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openSink } from "../../src/sinks/mod.ts";
import { rowsOf } from "../support/frames.ts";
import { startPostgres } from "../support/postgres.ts";
import { benchConfig } from "./barline.ts";
import { replicate } from "./data.ts";

const args = parseArgs(Deno.args, { string: ["rows", "rounds"] });
const rounds = Number(args.rounds ?? 60);
const BATCH = 5000;
const source = new URL("../fixtures/bars.csv", import.meta.url).pathname;
const bars = Array.from(replicate(source, Number(args.rows ?? 5000)));
const never = new AbortController().signal;
await using server = await startPostgres(["fsync = on", "max_wal_size = '4GB'", "shared_buffers = '256MB'"]);

/** Seconds that a process has been on a processor. */
const onProcessor = (pid: number) => Number(Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ")[0]) / 1e9;

/** A database whose rows the sink counts or does not, never by COPY; `pids` gets the server's processes. */
function observe(database: Database, isCounting: boolean, pids: Set<number>): Database {
  return {
    ...database,
    supportsCopy: false,
    async connect(signal) {
      const client = await database.connect(signal);
      const query = client.query.bind(client) as (...given: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>;
      Object.assign(client, {
        async query(...given: unknown[]) {
          const result = await query(...given);
          const [first] = result?.rows ?? [];
          if (first !== undefined && "new_rows" in first) {
            pids.add(first.pid as number);
            if (!isCounting) first.new_rows = "untold";
          }
          return result;
        },
      });
      return client;
    },
  };
}

/** Makes a lane; writing resolves with the seconds of the server and of this process. */
async function openLane(isCounting: boolean, owned: AsyncDisposableStack) {
  const url = await server.createDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  owned.defer(() => client.end());
  await migrate(client, namesIn(DEFAULT_SCHEMA));
  const pids = new Set<number>();
  const config = benchConfig({ database: url, dataDir: "/tmp", workers: 1, batchSize: BATCH });
  const database = observe(owned.use(await openDatabase(config)), isCounting, pids);
  const sink = owned.use(openSink("postgres", { database, kind: recordKind("bar"), deadlineMs: 60_000 }));
  const lane = owned.use(sink.openLane());
  return {
    empty: () => client.query("DELETE FROM bar"),
    async write(more: number, receivedAt: number): Promise<{ server: number; client: number }> {
      const batches = [];
      for (let at = 0; at < bars.length; at += BATCH) {
        batches.push(
          rowsOf(bars.slice(at, at + BATCH).map((bar) => ({ ...bar, volume: bar.volume + more, receivedAt }))),
        );
      }
      const before = [...pids].reduce((sum, pid) => sum + onProcessor(pid), 0);
      const cpu = process.cpuUsage();
      for (const batch of batches) {
        const { stored, updated } = await lane.write(batch, never);
        if (stored > 0 && isCounting === (updated === null)) throw new Error("the other way was measured");
      }
      const { user, system } = process.cpuUsage(cpu);
      return {
        server: [...pids].reduce((sum, pid) => sum + onProcessor(pid), 0) - before,
        client: (user + system) / 1e6,
      };
    },
  };
}

/** The value below which that share of the numbers lies. */
const quantile = (numbers: readonly number[], share: number) =>
  numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) * share)];

await using owned = new AsyncDisposableStack();
const lanes = [await openLane(true, owned), await openLane(false, owned)];
const workloads = ["fresh", "changed", "unchanged"] as const;
const measured = Object.fromEntries(workloads.map((name) => [name, { on: [] as number[], off: [] as number[] }]));
for (let round = 0; round <= rounds; round++) {
  const order = round % 2 === 0 ? [0, 1] : [1, 0];
  for (const lane of lanes) await lane.empty();
  for (const [at, name] of workloads.entries()) {
    for (const which of order) {
      const spent = await lanes[which].write(Math.min(at, 1), Date.now() * 1000);
      // The first round prepares statements, and compiles.
      if (round > 0) measured[name][which === 0 ? "on" : "off"].push(spent.server + spent.client);
    }
  }
}
console.log(`µs of processor time a row, server and client, of ${rounds} alternating rounds`);
for (const name of workloads) {
  const { on, off } = measured[name];
  // Programs that share the caches only ever add: the least of many rounds is the cost itself.
  for (const [which, share] of [["least", 0], ["lower quartile", 0.25], ["median", 0.5]] as const) {
    const [counting, not] = [quantile(on, share), quantile(off, share)].map((seconds) => seconds / bars.length * 1e6);
    const percent = (counting / not - 1) * 100;
    console.log(
      `${name}, ${which}: counting ${counting.toFixed(2)}, not counting ${not.toFixed(2)}: ${percent.toFixed(1)} %`,
    );
  }
}
