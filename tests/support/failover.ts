/**
 * A failover group of Alpaca and Massive, both fakes, that writes into a real database.
 *
 * @module
 */
import type { App } from "../../src/app.ts";
import { withClient } from "../../src/database/database.ts";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createFailover } from "../../src/providers/failover.ts";
import { createMassive } from "../../src/providers/massive.ts";
import { type FakeAlpaca, startFakeAlpaca } from "./fake_alpaca.ts";
import { type FakeMassive, startFakeMassive } from "./fake_massive.ts";
import { type RunningPipeline, startPipeline } from "./pipeline.ts";
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
  const pipeline = await startPipeline(url, [group]);
  async function read(app: App) {
    const { rows } = await withClient(
      app.database,
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
