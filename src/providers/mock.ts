/**
 * Made-up records, for demonstration, tests and measurements.
 *
 * @module
 */
import { always } from "../calendar/mod.ts";
import { delay } from "@std/async/delay";
import { columnsOf } from "../records/build.ts";
import { createFrame, type Frame } from "../records/frame.ts";
import type { MarketRecord } from "../records/record.ts";
import { createSeriesDictionary, renewSeries } from "../records/series_dictionary.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import { makers } from "./mock/market.ts";
import type { PositionTarget } from "./destination_watch.ts";
import { createPosition, type Position } from "./position.ts";
import {
  type Provider,
  type ProviderContext,
  type ProviderDeclaration,
  type ProviderSettings,
  SettingError,
} from "./provider.ts";

/** Start of the first bar. */
const FIRST_MS = Date.UTC(2000, 0, 1);
/** Bars a second without a given speed: fast enough to watch, slow enough to leave running. */
const DEFAULT_RATE = 1000;
/** Records of a frame at full speed; otherwise a frame is one bar of each symbol. */
const FULL_FRAME = 500;

/** Declares the provider `mock`. */
export const mock: ProviderDeclaration = {
  create: createMock,
  calendar: () => always,
  delayMs: 0,
  account: "open",
  assets: "any",
  history: undefined,
};

/**
 * Makes the provider `mock`: for each symbol one bar after another from the year 2000 until now, and then in real time;
 * and as many records of each further kind. A record depends on its symbol and its time alone, so every run gives the
 * same.
 *
 * @throws {SettingError} If there are no symbols.
 */
export function createMock(settings: ProviderSettings): Provider {
  const { kinds, symbols, timeframe, speed, limit = Infinity } = settings;
  if (symbols.length === 0) throw new SettingError("symbols", "none are given, give some with --symbols A,B");
  const stepMs = TIMEFRAMES.get(timeframe)!;
  const stepsPerFrame = speed === "max" ? Math.max(1, Math.floor(FULL_FRAME / symbols.length)) : 1;
  let left = limit;
  let opened: Position<{ ts: number }> | undefined;
  const openPosition = (target: PositionTarget) =>
    createPosition<{ ts: number }>({
      directory: settings.dataDir,
      target,
      name: `mock ${timeframe} ${symbols.join(",")}${kinds.length === 1 ? "" : ` ${kinds.map(({ name }) => name)}`}`,
    });

  async function* generate(context: ProviderContext): AsyncGenerator<Frame> {
    const { stop, clock, pace } = context;
    const position = opened = openPosition(context);
    let series = createSeriesDictionary();
    let ts = settings.resume ? (await position.load())?.ts ?? FIRST_MS : FIRST_MS;
    for (left = limit; left > 0 && !stop.aborted; ts += stepMs * stepsPerFrame) {
      await waitUntil(ts + stepMs * stepsPerFrame, stop);
      for (const kind of kinds) {
        const { name } = kind;
        const size = Math.min(symbols.length * stepsPerFrame, left);
        if (size === 0) return;
        await pace(size);
        if (stop.aborted) return;
        const receivedAt = clock(size);
        const records: MarketRecord[] = [];
        for (let at = ts; records.length < size; at += stepMs) {
          for (const symbol of symbols.slice(0, size - records.length)) {
            records.push(makers[name](symbol, timeframe, at, receivedAt + records.length));
          }
        }
        left -= size;
        // The step ends with its last kind; a step that was cut short is made again.
        const isOver = name === kinds.at(-1)!.name;
        const settled = position.track({ ts: isOver ? ts + stepMs * Math.ceil(size / symbols.length) : ts });
        series = renewSeries(series);
        const built = columnsOf(kind, records, series);
        yield createFrame({ kind: name, provider: "mock", receivedAt, ...built, onSettled: settled });
      }
    }
  }

  return {
    name: "mock",
    symbols,
    ...(limit === Infinity ? {} : { isComplete: () => left === 0 }),
    rate: speed === "max" ? undefined : speed === undefined ? DEFAULT_RATE : symbols.length * speed / (stepMs / 1000),
    open: (context) => ReadableStream.from(generate(context)),
    close: async () => await opened?.save(),
  };
}

/** Waits for the wall clock. */
async function waitUntil(ms: number, stop: AbortSignal): Promise<void> {
  while (ms > Date.now() && !stop.aborted) {
    await delay(Math.min(ms - Date.now(), 60_000), { signal: stop }).catch(() => {});
  }
}
