/**
 * A feed as a provider: live under supervision, and its history as a backfill.
 *
 * @module
 */
import type { Listener } from "../../events.ts";
import { type Provider, type ProviderSettings, SettingError } from "../provider.ts";
import { createBackfill } from "./history/backfill.ts";
import { UNKNOWN } from "../../coverage/coverage.ts";
import type { FeedCoverage } from "./coverage.ts";
import { type CoverageKeeper, createCoverageKeeper } from "./coverage/keeper.ts";
import type { JournalWatch } from "./coverage/journaled.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import type { CallOutcome } from "./transport/rest.ts";
import type { MakeFeed } from "./sharing.ts";
import { supervise } from "./supervise.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Options of {@linkcode createFeedProvider}. */
export interface FeedProviderOptions {
  name: string;
  settings: ProviderSettings;
  /** Names of the kinds of records that the provider has, for any reader. @default {["bar"]} */
  kinds?: readonly string[];
  /** Everything but the symbols that distinguishes its connection: addresses and keys. */
  account: readonly unknown[];
  /** Symbols, each once. */
  symbols: readonly string[];
  /** Creates the feed of some symbols, which reports the outcome of each of its requests for history. */
  feed: MakeFeed;
  /** First wait between connections, in milliseconds. @default {1000} */
  backoffMs?: number;
}

/** Makes the provider. */
export function createFeedProvider(options: FeedProviderOptions): Provider {
  const { name, settings, backoffMs } = options;
  const { timeframe, symbols, provisional } = settings;
  const { kinds = ["bar"] } = options;
  const others = settings.kinds.map((kind) => kind.name).filter((kind) => !kinds.includes(kind));
  if (others.length > 0) {
    const expected = `expected one of ${kinds.join(", ")}`;
    throw new SettingError("kind", `current value is ${others.join(", ")}, ${expected}: ${name} has nothing else`);
  }
  const owner = { provider: name, timeframe };
  const stepMs = TIMEFRAMES.get(timeframe)!;
  let coverageKeeper: CoverageKeeper | undefined;
  let coverage: FeedCoverage | undefined;
  let journal: JournalWatch | undefined;
  let emit: Listener = () => {};
  const onCall = (outcome: CallOutcome) => emit({ type: "rest-call", provider: name, outcome });
  let warn = (_message: string) => {};
  const feed = options.feed(options.symbols, onCall, (message) => warn(message));
  const account = JSON.stringify([name, ...options.account]);
  const variant = `bars of ${timeframe}${provisional ? ", provisional ones too" : ""}`;
  let left = () => {};

  return {
    name,
    isLive: true,
    symbols: feed.symbols,
    buckets: [feed.bucket],
    connection: { account, variant },
    open(context) {
      ({ emit, warn } = context);
      const shared = context.connections?.join({ account: `${account} ${variant}`, feed, make: options.feed, onCall });
      left = shared?.left ?? left;
      coverageKeeper?.stop();
      coverageKeeper = createCoverageKeeper({
        ...{
          owner,
          stepMs,
          symbols: feed.symbols.length,
          store: context.coverage,
          isConfirmed: feed.isConfirmed === true,
          before: coverageKeeper,
        },
        settledUntil: () => feed.correctionMs ? (feed.clock?.vendorNow() ?? Date.now()) - feed.correctionMs : Infinity,
        onReplaced: (reason) =>
          context.warn(`coverage of ${name} is read again, and missing bars are fetched from history: it is ${reason}`),
        onFailure: ({ message }) => context.warn(`coverage of ${name} could not be saved: ${message}`),
      });
      const onCoverage = (...opened: [FeedCoverage, JournalWatch]) => void ([coverage, journal] = opened);
      return supervise({
        ...{ feed: shared?.feed ?? feed, context, keeper: coverageKeeper, onCoverage, backoffMs },
        repairShare: settings.repairShare,
        sweeps: settings.sweep !== "off",
        repairsPerDay: settings.repairRequests,
        reachMs: settings.repairDays === undefined ? undefined : settings.repairDays * DAY_MS,
      });
    },
    coverage: () => new Map(feed.symbols.map((symbol) => [symbol, coverage?.track(symbol).coverage ?? UNKNOWN])),
    backfill(range) {
      const past = createBackfill({ name, timeframe, symbols, feed, range });
      return {
        ...past,
        buckets: [feed.bucket],
        open(context) {
          ({ emit, warn } = context);
          return past.open(context);
        },
      };
    },
    async close() {
      left();
      await feed.closed?.();
      coverageKeeper?.stop();
      await journal?.finish();
      await coverageKeeper?.save();
    },
  };
}
