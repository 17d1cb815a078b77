/**
 * Runs a seed: a trading day of a vendor who does wrong, against the real engine, in virtual time.
 *
 * @module
 */
import { join } from "@std/path";
import { createFailover } from "../../src/providers/mod.ts";
import { createFeedProvider } from "../../src/providers/live/provider.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { createRandom } from "../endtoend/random.ts";
import { createMemoryTable } from "../support/memory_table.ts";
import { providerSettings } from "../support/providers.ts";
import { type Findings, judge } from "./judge.ts";
import { createMarket, type Market, MINUTE } from "./market.ts";
import { makePlan, type Plan } from "./plan.ts";
import { type ModelProcess, startProcess } from "./process.ts";
import { startVendor, type Vendor } from "./vendor.ts";
import { startVirtualTime } from "./virtual_time.ts";

/** How a run went. */
export interface Report extends Findings {
  readonly plan: Plan;
  readonly notices: readonly string[];
  readonly requests: number;
  readonly saves: number;
}

/** Corrections of each vendor: their part, and when they come. */
const CORRECTIONS: Record<string, { corrected: number; correctionMs: readonly [number, number] }> = {
  alpaca: { corrected: 0.1, correctionMs: [25_000, 35_000] },
  massive: { corrected: 0.1, correctionMs: [10_000, 14 * MINUTE] },
};
const OVERLAP_MS: Record<string, number> = { massive: 21 * MINUTE };

/** Runs a plan. `dataDir` takes what the engine keeps beside the table. */
export async function runPlan(plan: Plan, dataDir: string): Promise<Report> {
  const { members, listings, opening, close, end, start } = plan;
  const isCrypto = ["binance", "kraken"].includes(members[0]);
  using time = startVirtualTime(Math.min(start, opening) - MINUTE);
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
      ...CORRECTIONS[name] ?? { corrected: 0, correctionMs: [0, 0] },
    });
    markets.set(name, market);
    vendors.push(startVendor({
      name,
      time,
      market,
      misdeeds: plan.misdeeds.get(name)!,
      stored: (symbol, ts) => table.row(name, symbol, ts),
    }));
  }
  const symbols = listings.map(({ symbol }) => symbol);

  function makeProvider(): Provider {
    const made = vendors.map((vendor, at) =>
      createFeedProvider({
        name: members[at],
        settings: providerSettings({ symbols, dataDir }),
        overlapMs: OVERLAP_MS[members[at]] ?? 5 * MINUTE,
        account: [],
        symbols,
        feed: () => vendor.feed(),
      })
    );
    if (made.length === 1) return made[0];
    return createFailover({ members: made, dataDir, timeframe: "1m", afterMs: 60_000, backMs: 120_000 });
  }

  const notices: string[] = [];
  const random = createRandom(plan.seed + 2);
  let process: ModelProcess | undefined;
  function begin(): void {
    process = startProcess({ provider: makeProvider(), table, time, random, stalls: plan.stalls });
  }
  for (const { at, offsetMs } of plan.clock) time.at(at, () => time.setOffset(offsetMs));
  await time.runUntil(start);
  begin();
  for (const { at, downMs } of plan.crashes) {
    if (at <= time.now()) continue;
    await time.runUntil(at);
    process!.kill();
    notices.push(...process!.notices);
    await time.runUntil(at + downMs);
    begin();
  }
  await time.runUntil(end);
  const findings = judge({ table, markets, from: start + 2 * MINUTE, to: end - 10 * MINUTE });
  notices.push(...process!.notices);
  const stopped = process!.stop();
  await time.runUntil(end + MINUTE);
  await stopped;
  return {
    plan,
    ...findings,
    notices,
    requests: vendors.reduce((sum, { requests }) => sum + requests, 0),
    saves: table.saves,
  };
}

/** Runs a seed; what the engine keeps beside the table goes to a directory of its own in `directory`. */
export async function runSeed(seed: number, directory: string, feed?: string): Promise<Report> {
  const dataDir = join(directory, String(seed));
  await Deno.mkdir(dataDir);
  return await runPlan(makePlan(seed, feed), dataDir);
}
