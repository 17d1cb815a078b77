/**
 * Runs a row at a feed, over real sockets and in virtual time.
 *
 * @module
 */
import { MINUTE } from "../model/market.ts";
import { type Misdeeds, NO_MISDEEDS, type Plan } from "../model/plan.ts";
import { type Report, runPlan } from "../model/run.ts";
import { makeDirectory } from "../support/providers.ts";
import type { Moments, Row } from "./row.ts";
import { startSocketVendor } from "./socket_vendor.ts";
import type { CoverageVenue } from "./venue.ts";
import { startAlpaca } from "./venues/alpaca.ts";
import { startBinance } from "./venues/binance.ts";
import { startIbkr } from "./venues/ibkr.ts";
import { startKraken } from "./venues/kraken.ts";
import { startMassive } from "./venues/massive.ts";

/** Starts the venue of each feed. */
export const venues: Readonly<Record<string, () => CoverageVenue>> = {
  alpaca: startAlpaca,
  massive: startMassive,
  ibkr: startIbkr,
  binance: startBinance,
  kraken: startKraken,
};

/** What happens to the connection after the misdeed: nothing, an outage, or a stop of the process and a new start. */
export const modes = ["kept", "reconnected", "restarted"] as const;
/** See {@linkcode modes}. */
export type Mode = typeof modes[number];

/** A Wednesday at ten in New York, when every market is open. */
const BEGIN = Date.UTC(2024, 0, 3, 15);
const MINUTES = 45;
/** Both come after the misdeed was seen, and before history is well again where it is not. */
const INTERRUPTED = 14;

/** Runs it, and tells what is wrong, in words. */
export async function runRow(row: Row, feed: string, mode: Mode, verbose = false): Promise<string[]> {
  const problems: string[] = [];
  const specimen = venues[feed]();
  const minute = (count: number) => BEGIN + count * MINUTE;
  const at: Moments = { minute, symbols: specimen.symbols };
  const variants = Object.entries(row.misdeeds(at, specimen));
  await specimen[Symbol.asyncDispose]();
  for (const [name, misdeeds] of variants) {
    const report = await runVariant(row, misdeeds, feed, mode, at);
    const found = [
      ...report.silent.length > 0
        ? [`${report.silent.length} in silence: ${report.silent.slice(0, 3).join("; ")}`]
        : [],
      ...row.check?.(report, at) ?? [],
      ...verbose ? report.losses.map((loss) => `lost ${loss}`) : [],
      ...report.notices.filter((warn) => warn.startsWith("FAILED")),
    ];
    problems.push(...found.map((problem) => `${name}: ${problem}`));
  }
  return problems;
}

async function runVariant(row: Row, given: Partial<Misdeeds>, feed: string, mode: Mode, at: Moments): Promise<Report> {
  const { minute, symbols } = at;
  const interruption = { from: minute(INTERRUPTED) + 30_000, to: minute(INTERRUPTED) + 35_000 };
  const misdeeds: Misdeeds = { ...NO_MISDEEDS, ...given };
  const outages = mode === "reconnected" ? [...misdeeds.outages, interruption] : misdeeds.outages;
  const plan: Plan = {
    seed: 1,
    members: [feed],
    listings: symbols.map((symbol) => ({ symbol, density: 1, halts: [] })),
    opening: minute(0),
    start: minute(0),
    close: minute(row.minutes ?? MINUTES),
    end: minute(row.minutes ?? MINUTES),
    misdeeds: new Map([[feed, { ...misdeeds, outages }]]),
    crashes: mode === "restarted" ? [{ at: interruption.from, downMs: 90_000, isStopped: true }] : [],
    clock: [],
    stalls: [],
    corrected: 0,
    ...row.plan?.(at),
  };
  await using directory = await makeDirectory();
  return await runPlan(plan, directory.path, (options) => startSocketVendor({ ...options, venue: venues[feed]() }));
}
