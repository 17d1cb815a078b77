/**
 * The feeds against the real services, which cost quota, need keys and the network, and are not the same twice. So they
 * run only where somebody asks for them, and are the one kind of test that may be skipped under `CI=true`, too: a change
 * here must not fail because an exchange is down.
 *
 *     LIVE_TESTS=1 deno test -A tests/live/
 *
 * Keys and addresses are those of the README, from the environment. A feed whose key is missing is skipped with the name
 * of what it lacks.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { providers } from "../../src/providers/mod.ts";
import type { Bar } from "../../src/records/bar.ts";
import { bar as kind } from "../../src/records/bar.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { createContext } from "../providers/conformance.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { recordsOf } from "../support/frames.ts";

const MINUTE = 60_000;

/** A feed to try. */
interface Subject {
  readonly provider: string;
  readonly symbols: string[];
  /** Variables that must be set. */
  readonly needs: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether bars come at any time of any day. */
  readonly isAlwaysOpen: boolean;
  /** Whether a past can be read. */
  readonly hasPast: boolean;
}

const SUBJECTS: readonly Subject[] = [
  { provider: "kraken", symbols: ["BTC/USD", "ETH/USD"], needs: [], isAlwaysOpen: true, hasPast: true },
  { provider: "binance", symbols: ["BTCUSDT", "ETHUSDT"], needs: [], isAlwaysOpen: true, hasPast: true },
  {
    provider: "alpaca",
    symbols: ["FAKEPACA"],
    needs: ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"],
    variables: { ALPACA_FEED: "test" },
    isAlwaysOpen: true,
    hasPast: false,
  },
  {
    provider: "alpaca",
    symbols: ["AAPL", "MSFT"],
    needs: ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"],
    isAlwaysOpen: false,
    hasPast: true,
  },
  { provider: "massive", symbols: ["AAPL"], needs: ["MASSIVE_API_KEY"], isAlwaysOpen: false, hasPast: true },
  { provider: "ibkr", symbols: ["AAPL"], needs: ["IBKR_HOST"], isAlwaysOpen: false, hasPast: false },
];

/** Registers a test, or says why it does not run. */
function testLive({ provider, symbols, needs }: Subject, what: string, fn: () => Promise<void>): void {
  const missing = Deno.env.get("LIVE_TESTS") !== "1"
    ? "LIVE_TESTS is not 1"
    : needs.filter((name) => !Deno.env.has(name)).map((name) => `${name} is not set`).join(", ");
  const name = `${provider} ${symbols.join(",")}, the real one: ${what}`;
  if (missing === "") Deno.test(name, fn);
  else Deno.test({ name: `${name} (skipped: ${missing})`, ignore: true, fn });
}

async function settingsOf({ symbols, variables }: Subject) {
  const directory = await makeDirectory();
  const variable = (name: string) => variables?.[name] ?? Deno.env.get(name);
  return { directory, settings: providerSettings({ symbols, dataDir: directory.path, variable, provisional: true }) };
}

/** Reads frames and checks their bars, until `done` or the time is up. */
async function read(stream: ReadableStream<Frame>, forMs: number, done: (bars: readonly Bar[]) => boolean) {
  const reader = stream.getReader();
  const bars: Bar[] = [];
  const rejected: unknown[] = [];
  const timer = setTimeout(() => reader.cancel(), forMs);
  while (!done(bars)) {
    const { value, done: ended } = await reader.read();
    if (ended) break;
    for (const record of recordsOf(value)) assertEquals(kind.validate(record, Date.now()), undefined);
    bars.push(...recordsOf(value));
    rejected.push(...value.rejected);
    value.ack("committed", frameSize(value));
  }
  clearTimeout(timer);
  await reader.cancel();
  assertEquals(rejected, [], "what was rejected is a fact of the protocol that is not known");
  return bars;
}

for (const subject of SUBJECTS) {
  testLive(subject, "it lets itself be connected to, and sends bars", async () => {
    const { directory, settings } = await settingsOf(subject);
    const context = createContext();
    const provider = providers[subject.provider].create(settings);
    let isLive = false;
    const stream = provider.open({
      ...context,
      emit: (event) => void (isLive ||= event.type === "feed-state" && event.state === "live"),
    });
    const bars = await read(stream, 3 * MINUTE, (bars) => bars.some(({ status }) => status !== "provisional"));
    context.stopping.abort();
    await provider.close?.();
    await directory[Symbol.asyncDispose]();
    assert(isLive, "no symbol was subscribed");
    assertEquals(context.notices, []);
    if (subject.isAlwaysOpen) assert(bars.length > 0, "no bar came within three minutes");
  });

  if (!subject.hasPast) continue;
  testLive(subject, "its history has bars, in order and without doubles", async () => {
    const { directory, settings } = await settingsOf(subject);
    const context = createContext();
    // A week holds days of trade; of 14 hours of Kraken's the first two are made of trades.
    const length = subject.isAlwaysOpen ? 14 * 60 * MINUTE : 7 * 24 * 60 * MINUTE;
    const to = Math.floor(Date.now() / MINUTE) * MINUTE - 20 * MINUTE;
    const past = providers[subject.provider].create(settings).backfill!({ from: to - length, to, restart: true });
    const bars = await read(past.open(context), 10 * MINUTE, () => false);
    await past.close?.();
    await directory[Symbol.asyncDispose]();
    for (const symbol of subject.symbols) {
      const starts = bars.filter((bar) => bar.symbol === symbol).map(({ ts }) => ts);
      assert(starts.length > 500, `${starts.length} bars of ${symbol}`);
      assertEquals(starts, [...new Set(starts)].toSorted((a, b) => a - b));
      if (subject.isAlwaysOpen) assert(starts[0] - (to - length) < 10 * MINUTE, "the oldest bars are missing");
    }
  });
}
