/**
 * `barline ingest` as a process of its own, watched through its metrics.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { addressOf, type Ended, type Running, type StartOptions } from "../../support/process.ts";
import type { Workspace } from "../../support/workspace.ts";
import { SYMBOLS } from "./oracle.ts";

/** Between two looks at the metrics, in milliseconds: a look costs the run about two of its own. */
const LOOK_EVERY_MS = 40;

/** A process that ingests the bars of the oracle. */
export interface Ingest extends AsyncDisposable {
  readonly running: Running;
  /** Value of a metric: the sum of its series that have all of these labels, as in `error_type="transient"`. */
  read(metric: string, ...labels: string[]): Promise<number>;
  /** Waits until the value of a metric is as wanted, and gives it. */
  until(isWanted: (value: number) => boolean, metric: string, ...labels: string[]): Promise<number>;
  /** Waits until that many more bars are stored. */
  stored(more: number): Promise<void>;
  /** Waits until that many more writes have failed as in an outage. */
  failing(more?: number): Promise<void>;
  /** Stops it by SIGTERM; its ledger is checked to balance. */
  stop(): Promise<Ended>;
  /** Ends it by SIGKILL. */
  kill(): Promise<void>;
}

/** Flags of a run of the mock that is quick to notice an outage, and its end. */
export const QUICK = [
  ...["--provider", "mock", "--symbols", SYMBOLS.join(","), "--speed", "max", "--rate", "20000"],
  ...["--circuit-failures", "2", "--circuit-open-ms", "50", "--retry-attempts", "2", "--write-timeout-ms", "400"],
];

/** Starts a run and waits until it serves its metrics. */
export async function startIngest(
  work: Workspace,
  args: readonly string[],
  options: Partial<StartOptions> = {},
): Promise<Ingest> {
  const running = work.startIngest(["--http", "127.0.0.1:0", ...args], options);
  let over = false;
  const ended = running.ended.finally(() => over = true);
  ended.catch(() => {});
  const url = await addressOf(running);

  async function read(metric: string, ...labels: string[]): Promise<number> {
    let page: string;
    try {
      page = await (await fetch(`${url}/metrics`)).text();
    } catch (error) {
      const { code, stdout, stderr } = await ended;
      throw new Error(`The run has ended with ${code}: ${stdout}${stderr}`, { cause: error });
    }
    const lines = page.split("\n").filter((line) =>
      (line.startsWith(`${metric}{`) || line.startsWith(`${metric} `)) && labels.every((label) => line.includes(label))
    );
    if (lines.length === 0) throw new Error(`There is no metric ${metric} with ${labels}`);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async function until(isWanted: (value: number) => boolean, metric: string, ...labels: string[]): Promise<number> {
    while (true) {
      const value = await read(metric, ...labels);
      if (isWanted(value)) return value;
      await delay(LOOK_EVERY_MS);
    }
  }

  async function grow(more: number, metric: string, ...labels: string[]): Promise<void> {
    const before = await read(metric, ...labels);
    await until((value) => value >= before + more, metric, ...labels);
  }

  return {
    running,
    read,
    until,
    stored: (more) => grow(more, "barline_records_stored_total"),
    failing: (more = 1) => grow(more, "mds_worker_write_errors_total", 'error_type="transient"'),
    async stop() {
      running.kill("SIGTERM");
      const outcome = await ended;
      assertBalanced(outcome);
      return outcome;
    },
    async kill() {
      running.kill("SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      if (!over) running.kill("SIGKILL");
      await ended.catch(() => {});
    },
  };
}

/** Throws unless everything that a run has received is somewhere, and nothing in flight. */
export function assertBalanced({ json, stderr }: Ended): void {
  const { received, stored, unchanged, deduplicated, deadLettered, journaled, inFlight } = json;
  assertEquals(received, stored + unchanged + deduplicated + deadLettered + journaled + inFlight, stderr);
  assertEquals(inFlight, 0, `something is left in flight: ${stderr}`);
}
