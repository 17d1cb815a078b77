/**
 * Tries one fault: sends numbered bars through the whole pipeline while it happens, and then checks the accounts.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { openApp } from "../app/app.ts";
import { DEFAULT_TENANT } from "../storage/data_dir.ts";
import type { Config } from "../config/load.ts";
import { readLetters } from "../dead_letters/directory.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import { openDeadLetters } from "../dead_letters/write.ts";
import type { Listener, PipelineEvent } from "../events.ts";
import { imbalance, type Ledger } from "../pipeline/ledger.ts";
import { compareTable, createNumbered, type TableFindings } from "./bars.ts";
import type { ChaosFault } from "./faults.ts";
import type { Scratch } from "./scratch.ts";

/** Result of a fault. */
export interface ChaosResult {
  readonly name: string;
  readonly what: string;
  readonly ok: boolean;
  /** The failure, if there is one. */
  readonly problem?: string;
  /** Why it was not tried. */
  readonly skipped?: string;
  readonly ledger?: Ledger;
  readonly table?: TableFindings;
  /** Number of dead letters, found and expected. */
  readonly deadLetters?: { readonly found: number; readonly expected: number };
  readonly failedWrites?: number;
  readonly seconds?: number;
}

/** Options of {@linkcode tryFault}. */
export interface TrialOptions {
  config: Config;
  scratch: Scratch;
  /** Fewest bars to send, and their rate a second. */
  records: number;
  rate: number;
  /** Aborts the trial. */
  signal: AbortSignal;
}

/** Longest time of one fault, in milliseconds. */
const LONGEST_MS = 120_000;
/** SQLSTATE of a missing right. */
const NOT_PERMITTED = "42501";

/** Tries a fault. */
export async function tryFault(fault: ChaosFault, options: TrialOptions): Promise<ChaosResult> {
  const { scratch } = options;
  const { name, what } = fault;
  if (fault.needsServer && scratch.database.maxConnections === 1) {
    return { name, what, ok: true, skipped: "the embedded database has one session only" };
  }
  const { of } = scratch.names;
  const bar = of("bar");
  await scratch.query(
    `DROP TRIGGER IF EXISTS disturb ON ${bar}; DROP FUNCTION IF EXISTS ${of("disturb")};
    DROP SEQUENCE IF EXISTS ${of("raised")}; ALTER TABLE ${bar} DROP CONSTRAINT IF EXISTS refused; TRUNCATE ${bar}`,
  );
  if (fault.prepare !== undefined) await scratch.query(fault.prepare(scratch.names));
  const dataDir = await Deno.makeTempDir({ prefix: "barline-chaos-" });
  const started = performance.now();
  try {
    const run = await runThrough(fault, dataDir, options);
    options.signal.throwIfAborted();
    const dead: number[] = [];
    for await (const { letter } of readLetters(deadLetterDirectory(dataDir))) {
      for (const item of letter.items) dead.push((item as { open: number }).open);
    }
    const { received } = run.ledger;
    const table = await compareTable(scratch, received, dead);
    const isPoison = fault.isPoison ?? (() => false);
    const expected = Array.from({ length: received }, (_, number) => number).filter(isPoison).length;
    const problem = findProblem({ ...run, table, dead, expected, isPoison, isHarmless: fault.disturb === undefined });
    return {
      name,
      what,
      ok: problem === undefined,
      problem,
      ledger: run.ledger,
      table,
      deadLetters: { found: dead.length, expected },
      failedWrites: run.failedWrites,
      seconds: Math.round(performance.now() - started) / 1000,
    };
  } catch (error) {
    options.signal.throwIfAborted();
    if ((error as { code?: string }).code === NOT_PERMITTED) {
      return { name, what, ok: true, skipped: (error as Error).message };
    }
    return { name, what, ok: false, problem: (error as Error).message };
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** Runs the pipeline until the fault has ended and enough bars are sent. */
async function runThrough(
  fault: ChaosFault,
  dataDir: string,
  { config, scratch, records, rate, signal }: TrialOptions,
) {
  let isOver = false;
  let failedWrites = 0;
  const counters = new Set<Listener>();
  const ended = new AbortController();
  const count = (type: PipelineEvent["type"]) => (expected: number) =>
    new Promise<void>((resolve, reject) => {
      let left = expected;
      const hear = (event: PipelineEvent) => {
        if (event.type !== type || --left > 0) return;
        counters.delete(hear);
        resolve();
      };
      counters.add(hear);
      onAbort(ended.signal, () => reject(new Error("the run ended before the fault was over")));
    });
  const own = { ...config, settings: { ...config.settings, dataDir, tenant: DEFAULT_TENANT } };
  await using app = await openApp({
    config: own,
    database: scratch.database,
    tenants: [{
      config: own,
      providers: [createNumbered(rate, (sent) => isOver && sent >= records)],
      kinds: ["bar"],
      deadLetters: (emit) => openDeadLetters({ directory: deadLetterDirectory(dataDir), emit }),
      listeners: [(event) => {
        if (event.type === "write-failed") failedWrites++;
        for (const hear of [...counters]) hear(event);
      }],
    }],
  });
  using _signal = onAbort(
    AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]),
    (reason) => app.abort(new Error("given up", { cause: reason })),
  );
  const site = { scratch, written: count("batch-written"), failed: count("write-failed") };
  // A fault that cannot be caused must not keep the run going.
  const disturbing = Promise.resolve(fault.disturb?.(site)).finally(() => isOver = true);
  disturbing.catch(() => {});
  const outcome = await app.run();
  ended.abort();
  await disturbing;
  return { ...outcome, failedWrites };
}

/** The first deviation, in words. */
function findProblem(run: {
  ledger: Ledger;
  failure?: unknown;
  failedWrites: number;
  table: TableFindings;
  dead: readonly number[];
  expected: number;
  isPoison: (number: number) => boolean;
  isHarmless: boolean;
}): string | undefined {
  const { ledger, failure, table, dead, expected } = run;
  if (failure !== undefined) return `the run failed: ${failure instanceof Error ? failure.message : failure}`;
  if (imbalance(ledger) !== 0) return `${imbalance(ledger)} bars are not accounted for`;
  if (ledger.inFlight !== 0) return `${ledger.inFlight} bars are still in flight`;
  if (table.wrong > 0) return `${table.wrong} rows are not as they were sent`;
  if (table.missing > 0) return `${table.missing} bars are neither in the table nor among the dead letters`;
  if (table.twice > 0) return `${table.twice} bars are both in the table and among the dead letters`;
  const good = dead.filter((number) => !run.isPoison(number)).length;
  if (good > 0) return `${good} good bars were dead-lettered`;
  if (dead.length !== expected) return `${dead.length} bars were dead-lettered, ${expected} were to be refused`;
  if (!run.isHarmless && run.failedWrites === 0) return "the fault hit no write";
}
