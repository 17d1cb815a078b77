import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { PipelineEvent } from "../../src/events.ts";
import { createMassive } from "../../src/providers/massive.ts";
import { createMassiveFeed } from "../../src/providers/massive/feed.ts";
import { keepIn, memoryCoverage } from "../support/coverage.ts";
import { supervise } from "../../src/providers/live/supervise.ts";
import { providers } from "../../src/providers/mod.ts";
import type { Provider, ProviderContext } from "../../src/providers/provider.ts";
import { SettingError } from "../../src/providers/provider.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Frame } from "../../src/records/frame.ts";
import { readBars } from "../support/feed.ts";
import { type FakeMassive, KEY, type MassiveBar, startFakeMassive, toAggregate } from "../support/fake_massive.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext, testProvider } from "./conformance.ts";
import { recordsOf } from "../support/frames.ts";

const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 120 * MINUTE;

function bar(minute: number, given: Partial<MassiveBar> = {}): MassiveBar {
  const price = 100 + minute;
  const prices = { open: price, high: price + 1, low: price - 1, close: price + 0.5 };
  return { symbol: "AAPL", ts: START + minute * MINUTE, ...prices, volume: 10.5, ...given };
}

interface Connected extends AsyncDisposable {
  readonly context: ReturnType<typeof createContext>;
  readonly events: readonly PipelineEvent[];
  /** Reads until `done` says that this was all, and settles what it reads. */
  read(done: (bars: Bar[], frame: Frame) => boolean): Promise<Bar[]>;
}

/** Opens a provider, by default `massive` as it is configured for the fake. */
async function connect(
  fake: FakeMassive,
  given: {
    symbols?: string[];
    newest?: Map<string, number>;
    variables?: Record<string, string>;
    open?: (context: ProviderContext, dataDir: string) => Pick<Provider, "open" | "close">;
  } = {},
): Promise<Connected> {
  const directory = await makeDirectory();
  const events: PipelineEvent[] = [];
  const { newest = new Map(), variables = {} } = given;
  const context = {
    ...createContext(),
    emit: (event: PipelineEvent) => void events.push(event),
    newest: () => Promise.resolve(newest),
  };
  const provider = given.open?.(context, directory.path) ?? createMassive(providerSettings({
    symbols: given.symbols ?? ["AAPL"],
    dataDir: directory.path,
    variable: (name) => ({ ...fake.variables, ...variables })[name],
  }));
  const reader = provider.open(context).getReader();
  return {
    context,
    events,
    read: (done: (bars: Bar[], frame: Frame) => boolean) => readBars(reader, done),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      await provider.close?.();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const minutes = (bars: Bar[]) => [...new Set(bars.map(({ ts }) => (ts - START) / MINUTE))].toSorted((a, b) => a - b);
/** The error that the feed's stream ends with. */
const failure = (feed: Connected) => feed.read(() => false).then(() => undefined, (error) => error);

testProvider("massive", {
  canWait: false,
  async make() {
    const fake = startFakeMassive();
    const directory = await makeDirectory();
    fake.connection().then((connection) => {
      for (const minute of [0, 1, 2]) connection.bars(bar(minute), bar(minute, { symbol: "MSFT" }));
    });
    const variable = (name: string) => fake.variables[name];
    return {
      provider: createMassive(providerSettings({ dataDir: directory.path, variable })),
      async [Symbol.asyncDispose]() {
        await fake[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
});

Deno.test("bars arrive unchanged, final, with the VWAP of the bar", async () => {
  await using fake = startFakeMassive();
  await using feed = await connect(fake, { symbols: ["AAPL", "MSFT"] });
  const connection = await fake.connection();
  assertEquals([...connection.topics], ["AM.AAPL", "AM.MSFT"]);
  connection.bars(bar(0), bar(0, { symbol: "MSFT" }));
  connection.bars(bar(1));
  const bars = await feed.read((bars) => bars.length === 3);
  assertEquals(bars.map(({ symbol, ts }) => [symbol, ts]), [
    ["AAPL", START],
    ["MSFT", START],
    ["AAPL", START + MINUTE],
  ]);
  const { provider, timeframe, volume, vwap, status } = bars[0];
  assertEquals({ provider, timeframe, volume, vwap, status }, {
    provider: "massive",
    timeframe: "1m",
    volume: 10.5,
    vwap: 100.5,
    status: "final",
  });
  assertEquals(feed.context.notices, []);
});

Deno.test("polygon is another name of massive, whose rows say massive", () => {
  const settings = providerSettings({ variable: (name) => name === "POLYGON_API_KEY" ? KEY : undefined });
  assertEquals(providers.polygon.create(settings).name, "massive");
  assertEquals(providers.massive.create(settings).name, "massive");
});

Deno.test("a bar that is sent again is a correction, across connections too", async () => {
  await using fake = startFakeMassive();
  await using feed = await connect(fake);
  const first = await fake.connection();
  first.bars(bar(0), bar(1), bar(0, { volume: 11 }));
  const before = await feed.read((bars) => bars.length === 3);
  assertEquals(before.map(({ volume, status }) => [volume, status]), [
    [10.5, "final"],
    [10.5, "final"],
    [11, "correction"],
  ]);
  first.close();
  const second = await fake.connection();
  second.bars(bar(1, { volume: 12 }));
  const [again] = await feed.read((bars) => bars.length === 1);
  assertEquals([again.volume, again.status], [12, "correction"]);
});

Deno.test("at the start history is asked from before the newest stored bar on, where late trades may have changed it", async () => {
  await using fake = startFakeMassive();
  for (let minute = 0; minute < 60; minute++) fake.history.push(bar(minute));
  await using feed = await connect(fake, { newest: new Map([["AAPL", START + 30 * MINUTE]]) });
  const bars = await feed.read((bars) => minutes(bars).includes(59));
  assertEquals(minutes(bars)[0], 0, "the last day of what an earlier version stored");
  assertEquals(bars[0].trades, 12);
});

Deno.test("a symbol without history still streams", async () => {
  await using fake = startFakeMassive();
  const body = { status: "NOT_AUTHORIZED", message: "You are not entitled to this data." };
  fake.script.mishaps.push({ status: 403, body });
  await using feed = await connect(fake, { newest: new Map([["AAPL", START]]) });
  const connection = await fake.connection();
  while (feed.context.notices.length === 0) {
    connection.bars(bar(0));
    await feed.read(() => true);
  }
  assertMatch(feed.context.notices[0], /history of AAPL could not be read: .*not entitled to this data/);
  connection.bars(bar(1));
  assertEquals(minutes(await feed.read((bars) => minutes(bars).includes(1))).at(-1), 1);
});

Deno.test("a wrong key ends the provider with a sentence that helps, without the key", async () => {
  await using fake = startFakeMassive();
  const wrong = "wr0ng-k3y";
  await using feed = await connect(fake, { variables: { MASSIVE_API_KEY: wrong } });
  const error = await failure(feed);
  assertEquals(
    error.message,
    "Massive refuses the key: authentication failed. Check MASSIVE_API_KEY (or POLYGON_API_KEY)",
  );
  assert(!Deno.inspect([error, feed.events, feed.context.notices]).includes(wrong));
  assertEquals(feed.events.at(-1), { type: "feed-state", provider: "massive", state: "failed" });
});

Deno.test("a key that a server repeats appears in no error, notice or dead letter", async () => {
  await using fake = startFakeMassive({ afterKey: [{ ev: "status", status: "auth_success", message: KEY }] });
  await using feed = await connect(fake, { symbols: ["AAPL", "GME"] });
  const connection = await fake.connection();
  connection.raw(`{"broken":"${KEY}"`);
  connection.send({ ev: "status", status: "error", message: `what is ${KEY}` }, { ev: "AM", sym: KEY });
  const rejected: unknown[] = [];
  await feed.read((_, frame) => rejected.push(...frame.rejected) === 3);
  connection.send({ ev: "status", status: "auth_failed", message: `no ${KEY}` });
  const error = await failure(feed);
  assertMatch(error.message, /no \(key\)/);
  assert(!Deno.inspect([rejected, error, feed.events, feed.context.notices], { depth: 9 }).includes(KEY));
});

for (const limit of ["newcomer", "older"] as const) {
  Deno.test(`too many connections, at the cost of the ${limit}: it cools down, and continues`, async () => {
    await using fake = startFakeMassive({ limit });
    const join = async () => {
      const other = new WebSocket(fake.variables.MASSIVE_STREAM_URL);
      const gone = new Promise((resolve) => other.onclose = resolve);
      await new Promise((resolve) => other.onopen = resolve);
      other.send(JSON.stringify({ action: "auth", params: KEY }));
      other.send(JSON.stringify({ action: "subscribe", params: "AM.MSFT" }));
      await fake.connection();
      return { leave: () => other.close(), gone };
    };
    const early = limit === "newcomer" ? await join() : undefined;
    const cooldownMs = 50;
    const { promise: lostAt, resolve: lost } = Promise.withResolvers<number>();
    await using feed = await connect(fake, {
      open: (context) => ({
        open: () =>
          supervise({
            feed: createMassiveFeed({
              symbols: ["AAPL"],
              timeframe: "1m",
              channel: "AM",
              key: KEY,
              socketUrl: fake.variables.MASSIVE_STREAM_URL,
              restUrl: fake.variables.MASSIVE_REST_URL,
              cooldownMs,
            }),
            context: {
              ...context,
              emit(event) {
                if (event.type === "feed-lost") lost(performance.now());
                context.emit(event);
              },
            },
            keeper: keepIn(memoryCoverage(), "massive"),
            backoffMs: 1,
          }),
      }),
    });
    await fake.connection();
    const other = early ?? await join();
    const at = await lostAt;
    assertEquals(
      feed.events.filter(({ type }) => type === "feed-lost").map((event) => "reason" in event && event.reason),
      [
        "max_connections",
      ],
    );
    fake.script.limit = undefined;
    other.leave();
    const connection = await fake.connection();
    assert(performance.now() - at >= cooldownMs, "it came back too early");
    connection.bars(bar(0));
    assertEquals(minutes(await feed.read((bars) => bars.length === 1)), [0]);
    await other.gone;
  });
}

Deno.test("all problems of the settings are reported at once, and the key is not shown", () => {
  const error = assertThrows(() =>
    createMassive(providerSettings({
      symbols: ["AAPL", "*"],
      timeframe: "5m",
      variable: (name) =>
        ({
          POLYGON_API_KEY: "two words",
          MASSIVE_STREAM_URL: "https://socket.massive.com",
          MASSIVE_REST_URL: "nonsense",
          MASSIVE_REQUESTS_PER_MINUTE: "0",
        })[name],
    })), AggregateError);
  const problems = error.errors as SettingError[];
  assert(problems.every((each) => each instanceof SettingError));
  assertEquals(problems.map(({ option }) => option), [
    "symbols",
    "timeframe",
    "POLYGON_API_KEY",
    "MASSIVE_STREAM_URL",
    "MASSIVE_REST_URL",
    "MASSIVE_REQUESTS_PER_MINUTE",
  ]);
  assert(!Deno.inspect(error).includes("two words"));
});

Deno.test("a missing key names the variables that may hold it", () => {
  const error = assertThrows(() => createMassive(providerSettings({})), AggregateError);
  assertMatch(error.errors[0].message, /MASSIVE_API_KEY or POLYGON_API_KEY/);
  assertEquals(error.errors.length, 1);
});

Deno.test("seconds are streamed by the channel of seconds", async () => {
  await using fake = startFakeMassive();
  const directory = await makeDirectory();
  const context = createContext();
  const provider = createMassive(providerSettings({
    symbols: ["AAPL"],
    timeframe: "1s",
    dataDir: directory.path,
    variable: (name) => fake.variables[name],
  }));
  const reader = provider.open(context).getReader();
  const connection = await fake.connection();
  assertEquals([...connection.topics], ["A.AAPL"]);
  connection.send({ ...toAggregate(bar(0)), ev: "A", e: START + 1000 }, toAggregate(bar(1)));
  const { value } = await reader.read();
  assertEquals(recordsOf(value!).map(({ ts, timeframe }) => [ts, timeframe]), [[START, "1s"]]);
  await reader.cancel();
  await provider.close!();
  await directory[Symbol.asyncDispose]();
});
