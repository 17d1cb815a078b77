/**
 * A failover group of Alpaca and Massive, both fakes, that writes into a real database.
 *
 * @module
 */
import type { App } from "../../src/app/app.ts";
import { UNKNOWN } from "../../src/coverage/coverage.ts";
import { withClient } from "../../src/database/database.ts";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createFailover } from "../../src/providers/failover.ts";
import { createAlpacaFeed } from "../../src/providers/alpaca.ts";
import { createMassive } from "../../src/providers/massive.ts";
import type { FeedCoverage } from "../../src/providers/live/coverage.ts";
import type { Feed } from "../../src/providers/live/feed.ts";
import { supervise, type SuperviseOptions } from "../../src/providers/live/supervise.ts";
import { createMassiveFeed } from "../../src/providers/massive/feed.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { type FakeAlpaca, KEY, SECRET, startFakeAlpaca } from "./fake_alpaca.ts";
import { type FakeMassive, KEY as MASSIVE_KEY, startFakeMassive } from "./fake_massive.ts";
import { type RunningPipeline, startPipeline } from "./pipeline.ts";
import { keepIn, memoryCoverage } from "./coverage.ts";
import { makeDirectory, providerSettings } from "./providers.ts";
import { START } from "./alpaca.ts";

/** The group, and both sides of it. */
export interface TestGroup extends AsyncDisposable {
  readonly alpaca: FakeAlpaca;
  readonly massive: FakeMassive;
  readonly pipeline: RunningPipeline;
  /** Who delivered since when, as in `massive (stall)`. */
  readonly changes: () => string[];
  /** The stored minutes after {@linkcode START} of each provider. */
  minutes(): Promise<{ alpaca: number[]; massive: number[] }>;
  /** Ends the run, and waits until all is written. */
  stop(): Promise<void>;
}

/** Options of {@linkcode startGroup}. */
export interface GroupOptions {
  alpaca?: FakeAlpaca;
  massive?: FakeMassive;
  variables?: Record<string, string>;
  dataDir?: string;
  /** Options of the pipeline. */
  settings?: Record<string, string>;
  afterMs?: number;
  backMs?: number;
}

/** Starts the group of AAPL, Alpaca first. */
export async function startGroup(url: string, options: GroupOptions = {}): Promise<TestGroup> {
  const { alpaca = startFakeAlpaca(), massive = startFakeMassive(), afterMs = 60_000, backMs = 60_000 } = options;
  const directory = await makeDirectory();
  const dataDir = options.dataDir ?? directory.path;
  const variables: Record<string, string> = { ...alpaca.variables, ...massive.variables, ...options.variables };
  const settings = providerSettings({ symbols: ["AAPL"], dataDir, variable: (name) => variables[name] });
  const members = [createAlpaca(settings), createMassive(settings)];
  const group = createFailover({ members, dataDir, timeframe: "1m", afterMs, backMs });
  const pipeline = await startPipeline(url, [group], options.settings);
  async function read(app: App) {
    const { rows } = await withClient(
      app.store.database!,
      (client) => client.query("SELECT provider, (extract(epoch FROM ts) * 1000)::float8 AS ts FROM bars ORDER BY ts"),
    );
    const of = (name: string) =>
      rows.filter(({ provider }) => provider === name).map(({ ts }) => (ts - START) / 60_000);
    return { alpaca: of("alpaca"), massive: of("massive") };
  }
  return {
    alpaca,
    massive,
    pipeline,
    changes: () =>
      pipeline.events.of("failover").map(({ provider, cause }) =>
        cause === undefined ? provider : `${provider} (${cause})`
      ),
    minutes: () => read(pipeline.app),
    async stop() {
      pipeline.app.stop();
      await pipeline.outcome;
    },
    async [Symbol.asyncDispose]() {
      await pipeline[Symbol.asyncDispose]();
      await alpaca[Symbol.asyncDispose]();
      await massive[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Providers of AAPL from both fakes, supervised with waits that are shorter than the real ones. */
export function quickMembers(
  alpaca: FakeAlpaca,
  massive: FakeMassive,
  waits: Pick<SuperviseOptions, "stallMs" | "backoffMs" | "repairRetryMs">,
): Provider[] {
  const symbols = ["AAPL"];
  const feeds: Feed[] = [
    createAlpacaFeed({
      streamUrl: `ws://127.0.0.1:${alpaca.port}/v2/iex`,
      barsUrl: `http://127.0.0.1:${alpaca.port}/v2/stocks/bars`,
      feed: "iex",
      key: KEY,
      secret: SECRET,
      symbols,
    }),
    createMassiveFeed({
      symbols,
      timeframe: "1m",
      channel: "AM",
      key: MASSIVE_KEY,
      socketUrl: `ws://127.0.0.1:${massive.port}/stocks`,
      restUrl: `http://127.0.0.1:${massive.port}`,
    }),
  ];
  return feeds.map((feed) => {
    const keeper = keepIn(memoryCoverage(), feed.name);
    let coverage: FeedCoverage | undefined;
    return {
      name: feed.name,
      isLive: true,
      symbols,
      open: (context) =>
        supervise({ feed, context, keeper, onCoverage: (opened) => void (coverage = opened), ...waits }),
      coverage: () => new Map(symbols.map((symbol) => [symbol, coverage?.track(symbol).coverage ?? UNKNOWN])),
      async close() {
        keeper.stop();
        await keeper.save();
      },
    };
  });
}
