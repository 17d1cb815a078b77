/**
 * Measures what many symbols ask of each vendor's history: on a whole day, and after an outage.
 *
 * @module
 */
import { AT_MOST_AHEAD, BURST } from "../../../src/providers/live/history/share.ts";
import { calendarOf } from "../../../src/providers/mod.ts";
import { makeDirectory } from "../../support/providers.ts";
import { accounts, type LoadAccount } from "./accounts.ts";
import { type LoadOptions, NOON, runLoad } from "./run.ts";

/** What to measure. */
export interface MeasureOptions {
  /** The provider; all where it is left out. */
  feed?: string;
  symbols: number;
  /** Minutes of trade; a day where it is left out. */
  minutes?: number;
}

const MINUTE = 60_000;
/** Minutes before the market opens and after it has closed, until silences are old enough to be proved. */
const [BEFORE, AFTER] = [5, 90];
/** Longest that an outage of a thousand symbols takes, in minutes of trade. */
const LONGEST = 290;

const chosen = ({ feed }: MeasureOptions) =>
  Object.entries(accounts).filter(([, { name }]) => feed === undefined || feed === name);

async function run(account: LoadAccount, options: Omit<LoadOptions, "account" | "dataDir">) {
  await using directory = await makeDirectory();
  return await runLoad({ account, dataDir: directory.path, ...options });
}

/** Counts the requests of a day, nine tenths of whose symbols trade rarely; gives the number of accounts above their share. */
export async function countRequests(options: MeasureOptions): Promise<number> {
  const { symbols } = options;
  let above = 0;
  for (const [title, account] of chosen(options)) {
    const open = options.minutes ?? Math.min(1440, minutesOf(account));
    // A part of a day does not end with the market's close: silence after it would be an outage of all symbols.
    const after = options.minutes === undefined ? AFTER : 0;
    const report = await run(account, { symbols, thin: symbols * 0.9, minutes: [BEFORE, open, after] });
    const all = (BEFORE + open + after) * account.perMinute;
    // What runs ahead of the share is paid back within a day.
    const ahead = options.minutes === undefined ? BURST : AT_MOST_AHEAD;
    const allowed = Math.floor(all * account.share) + ahead;
    const percent = (100 * report.requests / all).toFixed(1);
    console.log(
      `${title}: ${report.requests} requests in ${open} minutes of trade, ${percent} % of ${account.perMinute} a minute; ` +
        `${allowed} are allowed, ${report.mostInHour} in the busiest hour, ${report.refusals} refused`,
    );
    if (report.requests > allowed) above++;
  }
  return above;
}

/** Measures an hour's outage; gives the number of accounts that take over a fifth longer than their rate allows. */
export async function measureOutages(options: MeasureOptions): Promise<number> {
  const { symbols } = options;
  let slow = 0;
  for (const [title, account] of chosen(options)) {
    const report = await run(account, { symbols, thin: 0, minutes: [1, LONGEST, 0], outage: [5, 65] });
    const needed = account.requestsFor(symbols, 60);
    const seconds = needed / account.pacePerMinute * 60;
    console.log(
      `${title}: repaired after ${report.repairedAfter.toFixed(1)} s by ${report.repairRequests} requests; ` +
        `${needed} requests at ${account.pacePerMinute} a minute are ${seconds.toFixed(1)} s`,
    );
    if (report.repairedAfter > 1.2 * seconds + 1) slow++;
  }
  return slow;
}

/** Minutes of trade of a day. */
function minutesOf(account: LoadAccount): number {
  const calendar = calendarOf(account.name, account.symbol(0));
  return calendar === undefined ? Infinity : calendar.openMs(NOON - 720 * MINUTE, NOON + 720 * MINUTE) / MINUTE;
}
