/** `barline chaos`. @module */
import { chaosFaults } from "../chaos/faults.ts";
import { findScratches, openScratch, SCRATCH_PREFIX } from "../chaos/scratch.ts";
import { type ChaosResult, tryFault } from "../chaos/trial.ts";
import { type Config, loadConfig } from "../config/load.ts";
import { openDatabase } from "../database/open.ts";
import { prepareDataDir } from "../storage/data_dir.ts";
import { DEFAULT_RECORDS } from "../chaos/names.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";

const DEFAULT_RATE = 10_000;

/** Tries faults on the user's own set-up, within a schema that is dropped afterwards. */
export async function run(invocation: Invocation): Promise<number> {
  const { config, records, chosen } = read(invocation);
  const { json, rate = DEFAULT_RATE } = config.settings;
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error("interrupted"));
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  const results: ChaosResult[] = [];
  let schema = "";
  try {
    if (config.target === undefined) await prepareDataDir(config.settings.dataDir);
    await using database = await openDatabase(config);
    if (!invocation.flags.has("yes")) askFirst(database.label);
    for (const left of await findScratches(database)) {
      console.error(`There is a schema ${left}. Unless another run uses it, remove it: DROP SCHEMA ${left} CASCADE`);
    }
    await using scratch = await openScratch(database);
    schema = scratch.names.schema;
    if (!json) console.log(`${database.label}: schema ${schema} is made, and dropped at the end\n`);
    for (const fault of chosen) {
      stop.signal.throwIfAborted();
      const result = await tryFault(fault, { config, scratch, records, rate, signal: stop.signal });
      results.push(result);
      if (!json) console.log(describe(result));
    }
    const ok = results.every((result) => result.ok);
    if (json) console.log(JSON.stringify({ ok, database: database.label, schema, faults: results }));
    else console.log(`\n${conclude(results)}`);
    return ok ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (error instanceof Declined) return EXIT.done;
    if (!stop.signal.aborted) throw error;
    console.error(`Interrupted; the schema ${schema} is dropped`);
    return EXIT.interrupted;
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  }
}

/** The user declined. */
class Declined extends Error {}

function askFirst(label: string): void {
  if (!Deno.stdin.isTerminal()) throw new UsageError(`Cannot ask whether to try faults on ${label}: give --yes`);
  const question = `Create a schema ${SCRATCH_PREFIX}… in ${label}, try faults in it, and drop it? ` +
    "Nothing else is touched, but the server is kept busy";
  if (!confirm(question)) throw new Declined();
}

function read({ options, flags, configFile }: Invocation): {
  config: Config;
  records: number;
  chosen: typeof chaosFaults;
} {
  const text = (name: string) => flags.get(name) as string | undefined;
  const records = Number(text("records") ?? DEFAULT_RECORDS);
  if (!Number.isInteger(records) || records < 1 || records > 10_000_000) {
    throw new UsageError(`Cannot use --records ${text("records")}: expected a whole number from 1 to 10000000`);
  }
  const only = text("only");
  const chosen = chaosFaults.filter(({ name }) => only === undefined || name === only);
  if (chosen.length === 0) {
    throw new UsageError(`Cannot try "${only}": known are ${chaosFaults.map(({ name }) => name).join(", ")}`);
  }
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  const settings = {
    ...config.settings,
    batchSize: Math.min(config.settings.batchSize, 500),
    // Notices a fault and its end quickly, without loading the database for hours.
    circuitFailures: 3,
    circuitOpenMs: 200,
    retryAttempts: 3,
    writeTimeoutMs: 2000,
    journal: "off" as const,
    limit: undefined,
    feedbackUrl: undefined,
  };
  return { config: { ...config, settings }, records, chosen };
}

const count = (value: number) => value.toLocaleString("en-US");

/** Describes a trial in one line. */
function describe({ name, what, ok, problem, skipped, ledger, table, failedWrites }: ChaosResult): string {
  const head = `${skipped !== undefined ? "skip" : ok ? "ok  " : "FAIL"}  ${name.padEnd(15)} ${what}`;
  if (skipped !== undefined) return `${head}\n      ${skipped}`;
  const lines = [head];
  if (problem !== undefined) lines.push(`      ${problem}`);
  if (ledger !== undefined && table !== undefined) {
    const { received, stored, unchanged, deduplicated, deadLettered, inFlight } = ledger;
    lines.push(
      `      received ${count(received)} = stored ${count(stored)} + unchanged ${count(unchanged)} + deduplicated ` +
        `${count(deduplicated)} + dead-lettered ${count(deadLettered)} + in flight ${count(inFlight)}`,
      `      table: ${count(table.rows)} rows, ${table.wrong} wrong, ${table.missing} missing, ${table.twice} also ` +
        `among the dead letters; ${count(failedWrites ?? 0)} writes failed on the way`,
    );
  }
  return lines.join("\n");
}

function conclude(results: readonly ChaosResult[]): string {
  const failed = results.filter(({ ok }) => !ok);
  const tried = results.filter(({ skipped }) => skipped === undefined);
  return failed.length === 0
    ? `${tried.length} faults: every bar is accounted for, and the tables are what one delivery gives`
    : `${failed.length} of ${tried.length} faults broke the promise: ${failed.map(({ name }) => name).join(", ")}`;
}
