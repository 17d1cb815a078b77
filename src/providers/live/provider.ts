/**
 * A feed as a provider: its present under supervision, and its past as a backfill.
 *
 * @module
 */
import type { Listener } from "../../events.ts";
import { type Provider, type ProviderSettings, SettingError } from "../provider.ts";
import { createBackfill } from "./backfill.ts";
import { createCoverage } from "./coverage.ts";
import type { Feed } from "./feed.ts";
import type { CallOutcome } from "./rest.ts";
import { supervise } from "./supervise.ts";

/** What makes a provider of a feed. */
export interface FeedProviderOptions {
  name: string;
  settings: ProviderSettings;
  /** Names of the kinds of records that the provider has, whoever reads them. @default {["bar"]} */
  kinds?: readonly string[];
  /** See the coverage's option of that name, in milliseconds. */
  overlapMs: number;
  /** Makes the feed, which tells the outcome of each of its requests for history. */
  feed: (onCall: (outcome: CallOutcome) => void) => Feed;
  /** First wait between connections, in milliseconds. @default {1000} */
  backoffMs?: number;
}

/** Makes the provider. */
export function createFeedProvider(options: FeedProviderOptions): Provider {
  const { name, settings, overlapMs, backoffMs } = options;
  const { dataDir, timeframe, symbols } = settings;
  const { kinds = ["bar"] } = options;
  const others = settings.kinds.map((kind) => kind.name).filter((kind) => !kinds.includes(kind));
  if (others.length > 0) {
    const wanted = `wanted is one of ${kinds.join(", ")}`;
    throw new SettingError("kind", `current value is ${others.join(", ")}, ${wanted}: ${name} has nothing else`);
  }
  const coverage = createCoverage({ dataDir, name: `${name} ${timeframe}`, overlapMs });
  let tell: Listener = () => {};
  const feed = options.feed((outcome) => tell({ type: "rest-call", provider: name, outcome }));

  return {
    name,
    isLive: true,
    symbols: feed.symbols,
    buckets: [feed.bucket],
    open(context) {
      tell = context.tell;
      return supervise({ feed, context, coverage, backoffMs });
    },
    backfill(range) {
      const past = createBackfill({ name, dataDir, timeframe, symbols, feed, range });
      return {
        ...past,
        buckets: [feed.bucket],
        open(context) {
          tell = context.tell;
          return past.open(context);
        },
      };
    },
    async close() {
      await feed.closed?.();
      await coverage.save();
    },
  };
}
