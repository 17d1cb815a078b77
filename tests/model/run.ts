/**
 * Runs a seed: a trading day of a vendor who does wrong, against the real engine, in virtual time.
 *
 * @module
 */
import { join } from "@std/path";
import { beginOf, type SeriesCoverage, UNKNOWN } from "../../src/coverage/coverage.ts";
import { createFailover } from "../../src/providers/mod.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { createRandom } from "../endtoend/random.ts";
import { createMemoryTable } from "../support/memory_table.ts";
import { type Findings, judge } from "./judge.ts";
import { createMarket, type Market, MINUTE } from "./market.ts";
import { makePlan, type Plan } from "./plan.ts";
import { type ModelProcess, startProcess } from "./process.ts";
import { startVendor, type Vendor, type VendorOptions } from "./vendor.ts";
import { watchProgress } from "./progress/mod.ts";
import { startVirtualTime } from "./virtual_time.ts";

/** Starts a vendor. */
export type StartVendor = (options: VendorOptions) => Vendor;

/** How a run went. */
export interface Report extends Findings {
  readonly plan: Plan;
  /** Minutes that still differ although history was well all the time, or that are given up although it has them, in words. */
  readonly stuck: readonly string[];
  readonly notices: readonly string[];
  readonly losses: readonly string[];
  readonly requests: number;
  readonly saves: number;
}

/** Corrections of each vendor: their part, and when they come. */
const CORRECTIONS: Record<string, { corrected: number; correctionMs: readonly [number, number] }> = {
  alpaca: { corrected: 0.1, correctionMs: [25_000, 35_000] },
  massive: { corrected: 0.1, correctionMs: [10_000, 14 * MINUTE] },
  // Late trades, which the stream does not tell of, and history has before it is asked.
  kraken: { corrected: 0.1, correctionMs: [500, 2_000] },
};
/** Runs a plan. `dataDir` takes what the engine keeps beside the table. */
export async function runPlan(plan: Plan, dataDir: string, start: StartVendor = startVendor): Promise<Report> {
  const { members, listings, opening, close, end } = plan;
  const isCrypto = ["binance", "kraken"].includes(members[0]);
  using progress = await watchProgress();
  using time = startVirtualTime(Math.min(plan.start, opening) - MINUTE, progress.settle);
  using _chance = seedChance(plan.seed + 3);
  const table = createMemoryTable();
  const markets = new Map<string, Market>();
  const vendors: Vendor[] = [];
  for (const name of members) {
    const market = createMarket({
      // The members of a group have the same market.
      random: createRandom(plan.seed + 1),
      listings,
      from: isCrypto ? opening - 30 * MINUTE : opening,
      to: isCrypto ? end : close,
      late: plan.seed % 5 === 0 ? 0.02 : 0,
      ...CORRECTIONS[name] ?? { corrected: 0, correctionMs: [25_000, 35_000] },
      ...plan.corrected === undefined ? {} : { corrected: plan.corrected, correctionMs: [25_000, 35_000] as const },
    });
    markets.set(name, market);
    vendors.push(start({
      name,
      time,
      market,
      touch: progress.touch,
      perMinute: plan.perMinute,
      misdeeds: plan.misdeeds.get(name)!,
      stored: (symbol, ts) => table.row(name, symbol, ts),
    }));
  }

  function makeProvider(): Provider {
    const made = vendors.map((vendor) => vendor.provider(dataDir));
    if (made.length === 1) return made[0];
    return createFailover({ members: made, dataDir, timeframe: "1m", afterMs: 60_000, backMs: 120_000 });
  }

  const notices: string[] = [];
  const losses: string[] = [];
  const random = createRandom(plan.seed + 2);
  let process: ModelProcess | undefined;
  let provider: Provider;
  let from = plan.start;
  function begin(): void {
    provider = makeProvider();
    process = startProcess({ provider, table, time, random, stalls: plan.stalls });
  }
  /** What the process knows; of a member that it has not opened, what is saved. */
  function known(name: string, symbol: string): SeriesCoverage {
    const member = (provider.members ?? [provider]).find((each) => each.name === name);
    const coverage = member?.coverage?.().get(symbol) ?? UNKNOWN;
    return beginOf(coverage) === Infinity ? table.coverage(name, symbol) : coverage;
  }
  for (const { at, offsetMs } of plan.clock) time.at(at, () => time.setOffset(offsetMs));
  await time.runUntil(plan.start);
  begin();
  for (const { at, downMs, isStopped } of plan.crashes) {
    if (at <= time.now()) continue;
    await time.runUntil(at);
    if (isStopped) await time.runWith(process!.stop());
    else process!.kill();
    notices.push(...process!.notices);
    losses.push(...process!.losses);
    await time.runUntil(at + downMs);
    // A process that has not connected leaves nothing behind.
    if (table.saves === 0) from = time.now();
    begin();
  }
  await time.runUntil(end);
  const kills = plan.crashes.filter(({ isStopped }) => !isStopped).map(({ at }) => at);
  // The last bar that was streamed for certain ended a minute ago.
  const range = { from: from + 2 * MINUTE, to: end - MINUTE };
  const running = judge({ table, markets, ...range, unsavedAt: [...kills, end], known });
  notices.push(...process!.notices);
  losses.push(...process!.losses);
  await time.runWith(process!.stop());
  const stopped = judge({ table, markets, ...range, unsavedAt: kills });
  for (const vendor of vendors) await time.runWith(vendor[Symbol.asyncDispose]());
  return {
    plan,
    ...running,
    silent: [...new Set([...running.silent, ...stopped.silent])],
    // Who stands by asks nothing.
    stuck: (isHistoryWell(plan) ? running.differing : running.givenUp).filter((each) =>
      each.startsWith(`${members[0]} `)
    ),
    notices,
    losses,
    requests: vendors.reduce((sum, { requests }) => sum + requests, 0),
    saves: table.saves,
  };
}

/** Whether history never did wrong. */
function isHistoryWell({ misdeeds }: Plan): boolean {
  return [...misdeeds.values()].every(({ lags, stale, lies, failures }) =>
    [lags, stale, lies, failures].every(({ length }) => length === 0)
  );
}

/** Makes all chance in this process that of a seed, until it is disposed of. */
function seedChance(seed: number): Disposable {
  const { random } = Math;
  const { between } = createRandom(seed);
  Math.random = () => between(0, 1);
  return { [Symbol.dispose]: () => void (Math.random = random) };
}

/** Runs a seed; what the engine keeps beside the table goes to a directory of its own in `directory`. */
export async function runSeed(seed: number, directory: string, feed?: string): Promise<Report> {
  const dataDir = join(directory, String(seed));
  await Deno.mkdir(dataDir);
  return await runPlan(makePlan(seed, feed), dataDir);
}
