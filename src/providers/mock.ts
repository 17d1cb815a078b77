/**
 * Bars that nobody traded: for trying things out, tests and measurements.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Bar } from "../records/bar.ts";
import { createFrame, type Frame } from "../records/frame.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import { createPosition } from "./position.ts";
import { type Provider, type ProviderContext, type ProviderSettings, SettingError } from "./provider.ts";

/** Where the bars begin. */
const FIRST_MS = Date.UTC(2000, 0, 1);
/** Bars a second where no speed is given: quick enough to see something, slow enough to forget about. */
const DEFAULT_RATE = 1000;
/** Records of a frame at full speed; otherwise a frame is one bar of each symbol. */
const FULL_FRAME = 500;

/**
 * Makes the provider `mock`: for each symbol one bar after another from the year 2000 until now, and then in real time.
 * A bar depends on its symbol and its time alone, so every run gives the same bars.
 *
 * @throws {SettingError} If there are no symbols.
 */
export function createMock(settings: ProviderSettings): Provider {
  const { symbols, timeframe, speed, limit = Infinity } = settings;
  if (symbols.length === 0) throw new SettingError("symbols", "there are none, give some with --symbols A,B");
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const stepsPerFrame = speed === "max" ? Math.max(1, Math.floor(FULL_FRAME / symbols.length)) : 1;
  const position = createPosition<{ ts: number }>({
    directory: settings.dataDir,
    name: `mock ${timeframe} ${symbols.join(",")}`,
  });

  async function* generate(context: ProviderContext): AsyncGenerator<Frame> {
    const { stop, clock, pace } = context;
    let ts = settings.resume ? (await position.load())?.ts ?? FIRST_MS : FIRST_MS;
    for (let left = limit; left > 0 && !stop.aborted;) {
      await waitUntil(ts + stepMs * stepsPerFrame, stop);
      const size = Math.min(symbols.length * stepsPerFrame, left);
      await pace(size);
      if (stop.aborted) return;
      const receivedAt = clock(size);
      const records: Bar[] = [];
      for (; records.length < size; ts += stepMs) {
        for (const symbol of symbols.slice(0, size - records.length)) {
          records.push(makeBar(symbol, timeframe, ts, receivedAt + records.length));
        }
      }
      left -= size;
      const settled = position.track({ ts });
      yield createFrame({ kind: "bar", provider: "mock", receivedAt, records, onSettled: settled });
    }
  }

  return {
    name: "mock",
    rate: speed === "max" ? undefined : speed === undefined ? DEFAULT_RATE : symbols.length * speed / (stepMs / 1000),
    open: (context) => ReadableStream.from(generate(context)),
    close: () => position.save(),
  };
}

/** Waits for the wall clock. */
async function waitUntil(ms: number, stop: AbortSignal): Promise<void> {
  while (ms > Date.now() && !stop.aborted) {
    await delay(Math.min(ms - Date.now(), 60_000), { signal: stop }).catch(() => {});
  }
}

/** The bar of a symbol at a time: a slow wave with noise, in whole cents, and sound. */
function makeBar(symbol: string, timeframe: string, ts: number, receivedAt: number): Bar {
  const minute = ts / 60_000;
  const seed = hash(symbol);
  const level = 50 + seed % 400;
  const price = (at: number) => level * (1 + 0.1 * Math.sin((at + seed % 10_000) / 5000)) + noise(seed, at);
  const open = cents(price(minute));
  const close = cents(price(minute + 1));
  const reach = Math.abs(noise(seed ^ 0x5bd1, minute));
  return {
    provider: "mock",
    symbol,
    timeframe,
    ts,
    open,
    high: cents(Math.max(open, close) + reach),
    low: cents(Math.min(open, close) - reach),
    close,
    volume: 100 + hash(`${seed}`, minute) % 10_000,
    status: "final",
    receivedAt,
  };
}

const cents = (price: number) => Math.round(price * 100) / 100;

/** Between -0.5 and 0.5, the same for the same input. */
function noise(seed: number, at: number): number {
  let mixed = Math.imul(seed ^ Math.floor(at), 0x9e3779b1);
  mixed = Math.imul(mixed ^ mixed >>> 15, 0x85ebca6b);
  return ((mixed ^ mixed >>> 13) >>> 0) / 2 ** 32 - 0.5;
}

/** FNV-1a, 32 bits. */
function hash(text: string, start = 0): number {
  let state = 0x811c9dc5 ^ Math.floor(start);
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  return state >>> 0;
}
