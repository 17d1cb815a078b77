/**
 * Counts what an ordinary day of many symbols asks of each vendor's history.
 *
 * @module
 */
import { calendarOf } from "../../src/providers/mod.ts";
import { makeDirectory } from "../support/providers.ts";
import { type Listing, MINUTE } from "./market.ts";
import { NO_MISDEEDS } from "./plan.ts";
import { runPlan } from "./run.ts";

/** What an account asked. */
export interface RequestCount {
  readonly name: string;
  /** What it may ask. */
  readonly perMinute: number;
  readonly count: number;
  /** A tenth of what it may ask while the market is open. */
  readonly allowed: number;
}

/** Vendors, and the requests a minute that their accounts allow. Those of Binance weigh 2 of 6,000. */
const ACCOUNTS = [["alpaca", 200], ["massive", 5], ["massive", 1200], ["ibkr", 6], ["binance", 3000], [
  "kraken",
  60,
]] as const;
const SYMBOLS = 1000;
const THIN = 900;
const DAY = Date.parse("2024-01-03");

/** Counts for each account, or for those of one vendor. */
export async function* countRequests(only?: string): AsyncGenerator<RequestCount> {
  const listings = Array.from({ length: SYMBOLS }, (_, at): Listing => {
    return { symbol: `S${at}`, density: at < SYMBOLS - THIN ? 1 : 0.02 + (at % 10) / 100, halts: [] };
  });
  const [{ from, to }] = calendarOf("alpaca", "AAPL")!.sessions(DAY, DAY + 1440 * MINUTE);
  await using directory = await makeDirectory();
  for (const [name, perMinute] of ACCOUNTS.filter(([name]) => only === undefined || name === only)) {
    const { requests } = await runPlan({
      ...{ seed: 1, members: [name], listings, perMinute, opening: from, start: from - 5 * MINUTE, close: to, end: to },
      ...{ misdeeds: new Map([[name, NO_MISDEEDS]]), crashes: [], clock: [], stalls: [] },
    }, directory.path);
    yield { name, perMinute, count: requests, allowed: Math.floor((to - from) / MINUTE * perMinute / 10) };
  }
}
