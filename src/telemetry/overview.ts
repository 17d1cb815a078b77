/**
 * The data of the cockpit and of `barline top`: an overview of the run, and its last quarter of an hour.
 *
 * @module
 */
import type { ClusterOverview } from "../cluster/overview.ts";
import { type FeedState, type GapOutcome, type Listener, on } from "../events.ts";
import type { CoordinatorHealth, Health, JournalHealth } from "../pipeline/health.ts";
import { imbalance, type Ledger } from "../pipeline/ledger.ts";
import { createLatencyDistribution } from "./latency.ts";

/** One provider at a glance. Times are epoch seconds. */
export interface ProviderOverview {
  readonly name: string;
  /** State of a live feed; of another provider `running`, `ended` or `failed`; of either `paused`. */
  readonly state: FeedState | "running" | "paused";
  readonly error?: string;
  /** Records received. */
  readonly received: number;
  /** When records last came; `undefined` before the first. */
  readonly lastReceivedAt?: number;
  /** When records were last committed. */
  readonly lastCommitAt?: number;
  readonly reconnects: number;
  /** Why the last connection was lost. */
  readonly lastLoss?: string;
  /** Bars that history has filled in. */
  readonly repaired: number;
  /** Minutes that a live feed has not delivered. */
  readonly gaps?: Readonly<Record<GapOutcome, number>>;
  /** Minutes of a live feed in doubt; absent if unknown. */
  readonly doubtMinutes?: number;
}

/** A tenant at a glance. */
export interface TenantGlance {
  readonly name: string;
  /** The state in `GET /health`. */
  readonly state: string;
  /** Records a second over the last ten seconds. */
  readonly rate: { readonly received: number; readonly committed: number };
  /** Receipt to commit over the last minute, in milliseconds. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Records received since the start. */
  readonly received: number;
  /** Records waiting in queues. */
  readonly queued: number;
  readonly journaled: number;
  readonly deadLettersWaiting: number;
  readonly unaccounted: number;
}

/** The run at a glance, or one tenant of it. */
export interface Overview {
  /** The tenant; absent for all tenants together. */
  readonly tenant?: string;
  /** All tenants, in the overview of several. */
  readonly tenants?: readonly TenantGlance[];
  /** When this was made, in epoch seconds. */
  readonly ts: number;
  /** When the run began, in epoch seconds. */
  readonly startedAt: number;
  readonly version: string;
  readonly stopping: boolean;
  /** `true` if the store is only read, and nothing is ingested. */
  readonly serving?: true;
  /** Records a second over the last ten seconds. */
  readonly rate: { readonly received: number; readonly committed: number };
  /** Receipt to commit over the last minute, in milliseconds; 0 without a commit. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly coordinators: readonly CoordinatorHealth[];
  readonly ledger: Ledger;
  /** Records that the ledger cannot account for; 0 when it balances. */
  readonly unaccounted: number;
  /** `undefined` without a journal. */
  readonly journal?: JournalHealth;
  readonly deadLettersWaiting: number;
  readonly providers: readonly ProviderOverview[];
  /** All instances that distribute shards, and this one's name; absent for a lone instance. */
  readonly cluster?: ClusterOverview & { readonly instance: string };
  /** How many programs read the stream; absent where there is no stream. */
  readonly readers?: number;
}

/** One point of the charts, about the {@linkcode SAMPLE_SECONDS} before `ts`. */
export interface Sample {
  /** Epoch seconds. */
  readonly ts: number;
  /** Records a second. */
  readonly received: number;
  readonly committed: number;
  /** Milliseconds from receipt to commit. */
  readonly p50: number;
  readonly p99: number;
  /** Records waiting in all queues. */
  readonly queued: number;
  readonly journaled: number;
  readonly deadLettered: number;
}

/** Time between two samples, in seconds. */
export const SAMPLE_SECONDS = 5;
const SAMPLES = 15 * 60 / SAMPLE_SECONDS;
/** Seconds over which rates are taken. */
const RATE_SECONDS = 10;
/** Latencies of the last minute are kept in slices of this many seconds. */
const SLICE_SECONDS = 30;

/** Options of {@linkcode createOverview}. */
export interface OverviewSources {
  readonly tenant?: string;
  readonly health: () => Health;
  readonly ledger: () => Ledger;
  readonly deadLettersWaiting: () => Promise<number>;
  readonly version: string;
  /** Whether the store is only read. @default {false} */
  readonly isReadOnly?: boolean;
  readonly cluster?: () => Overview["cluster"];
  /** How many programs read the stream. */
  readonly readers?: (() => number) | undefined;
}

/** Keeps the overview by events; disposing of it ends its timer. */
export interface OverviewKeeper extends Disposable {
  readonly listen: Listener;
  read(): Promise<Overview>;
  /** The last quarter of an hour, oldest first. */
  samples(): readonly Sample[];
}

/** Creates an overview. It keeps a few numbers per provider and per second, at any rate of records. */
export function createOverview(sources: OverviewSources): OverviewKeeper {
  const startedAt = Date.now() / 1000;
  const providers = new Map<string, { -readonly [K in keyof ProviderOverview]: ProviderOverview[K] }>();
  const samples: Sample[] = [];
  /** Counts at the end of each of the last seconds, newest last. */
  const seconds: { received: number; committed: number }[] = [];
  const latest = createLatencyDistribution();
  const slices = [createLatencyDistribution(), createLatencyDistribution()];
  let received = 0;
  let committed = 0;
  let ticks = 0;
  let sampled = { received: 0, committed: 0, deadLettered: 0 };

  function provider(name: string) {
    let found = providers.get(name);
    if (found === undefined) {
      providers.set(name, found = { name, state: "running", received: 0, reconnects: 0, repaired: 0 });
    }
    return found;
  }

  function sample(): void {
    const { journaled, deadLettered } = sources.ledger();
    samples.push({
      ts: Date.now() / 1000,
      received: (received - sampled.received) / SAMPLE_SECONDS,
      committed: (committed - sampled.committed) / SAMPLE_SECONDS,
      p50: latest.quantile(0.5),
      p99: latest.quantile(0.99),
      queued: sources.health().coordinators.reduce((sum, { queue }) => sum + queue.size, 0),
      journaled,
      deadLettered: deadLettered - sampled.deadLettered,
    });
    if (samples.length > SAMPLES) samples.shift();
    latest.clear();
    sampled = { received, committed, deadLettered };
  }

  const timer = setInterval(() => {
    ticks++;
    seconds.push({ received, committed });
    if (seconds.length > RATE_SECONDS) seconds.shift();
    if (ticks % SAMPLE_SECONDS === 0) sample();
    if (ticks % SLICE_SECONDS === 0) {
      slices.reverse();
      slices[0].clear();
    }
  }, 1000);

  return {
    listen: on({
      "accepted"(event) {
        received += event.count;
        const of = provider(event.provider);
        of.received += event.count;
        of.lastReceivedAt = Date.now() / 1000;
      },
      "committed"(event) {
        committed += event.count;
        provider(event.provider).lastCommitAt = Date.now() / 1000;
        const ms = Math.max(0, Date.now() - event.receivedAt / 1000);
        for (const distribution of [latest, ...slices]) distribution.add(ms, event.count);
      },
      "feed-state"(event) {
        provider(event.provider).state = event.state;
      },
      "feed-lost"(event) {
        const of = provider(event.provider);
        of.reconnects++;
        of.lastLoss = event.reason;
      },
      "repaired"(event) {
        provider(event.provider).repaired += event.count;
      },
      "doubts"(event) {
        const minutes = Object.values(event.minutes).reduce<number>((sum, each = 0) => sum + each, 0);
        provider(event.provider).doubtMinutes = minutes;
      },
      "gap"({ provider: name, outcome, minutes }) {
        const of = provider(name);
        const gaps = of.gaps ?? { found: 0, repaired: 0, unrepairable: 0 };
        of.gaps = { ...gaps, [outcome]: gaps[outcome] + minutes };
      },
    }),
    async read() {
      const ledger = sources.ledger();
      const { coordinators, providers: states, journal, stopping } = sources.health();
      const before = seconds[0] ?? { received: 0, committed: 0 };
      const per = Math.max(1, seconds.length);
      return {
        tenant: sources.tenant,
        ts: Date.now() / 1000,
        startedAt,
        version: sources.version,
        stopping,
        ...(sources.isReadOnly && { serving: true }),
        rate: { received: (received - before.received) / per, committed: (committed - before.committed) / per },
        // The older slice is more than half a minute old, and the younger one alone has too few.
        latencyMs: { p50: slices[1].quantile(0.5), p99: slices[1].quantile(0.99) },
        coordinators,
        ledger,
        unaccounted: imbalance(ledger),
        journal,
        deadLettersWaiting: await sources.deadLettersWaiting(),
        providers: states.map(({ name, state, error }) => {
          const kept = provider(name);
          return { ...kept, state: state === "up" ? kept.state : state, error };
        }),
        cluster: sources.cluster?.(),
        readers: sources.readers?.(),
      };
    },
    samples: () => samples,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
