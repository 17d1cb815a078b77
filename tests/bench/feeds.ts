/**
 * How fast frames of the live feeds are read and checked: what one core spends on a bar before it waits in the queue.
 *
 *     deno run -A tests/bench/feeds.ts [--seconds 3]
 *
 * Figures are bars per second of processor time, which other work on the machine does not lengthen, and which counts the
 * collector of garbage too: the median of five rounds, of frames of 100 bars of as many symbols (Binance sends each bar
 * alone).
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { cpuUsage } from "node:process";
import { createMessageReader } from "../../src/providers/alpaca/messages.ts";
import { createLiveKlines } from "../../src/providers/binance/live.ts";
import { createMessageReader as createBinanceReader } from "../../src/providers/binance/messages.ts";
import { createMessageReader as createKrakenReader } from "../../src/providers/kraken/messages.ts";
import { createFeedClock } from "../../src/providers/live/clock.ts";
import type { FeedBar, Session } from "../../src/providers/live/feed.ts";
import { readFrame } from "../../src/providers/massive/frame.ts";
import { createSeen } from "../../src/providers/live/seen.ts";
import { bar as kind } from "../../src/records/bar.ts";
import { columnsFrom } from "../../src/records/build.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import { toItem } from "../support/fake_alpaca.ts";
import { toMessage as toKline } from "../support/fake_binance.ts";
import { toMessage } from "../support/fake_kraken.ts";
import { toAggregate } from "../support/fake_massive.ts";

const FRAME = 100;
/** Minutes of frames, which are read over and over. */
const MINUTES = 60;
const MINUTE_MS = 60_000;
const START = Date.UTC(2025, 0, 6, 15);
const symbols = Array.from({ length: FRAME }, (_, at) => `SYM${at}`);

/** Bars as a market makes them, with prices of as many digits. */
function makeBars(minute: number) {
  return symbols.map((symbol, at) => {
    const open = Math.round((100 + at + Math.sin(minute)) * 1e4) / 1e4;
    const prices = { open, high: open + 0.25, low: open - 0.25, close: open + 0.125 };
    return { symbol, ts: START + minute * MINUTE_MS, ...prices, volume: 1000 + 7 * at + minute };
  });
}

/** A feed, as the table has it: its frames as text, and what reads one. */
interface Case {
  readonly name: string;
  readonly frames: readonly string[];
  readonly read: (text: string) => readonly FeedBar[];
}

const minutes = Array.from({ length: MINUTES }, (_, minute) => makeBars(minute));
const clock = createFeedClock(MINUTE_MS);
const series = { timeframe: "1m", stepMs: MINUTE_MS, channel: "AM", note: createSeen(symbols, MINUTE_MS), clock };

/** What a stream gives, as the streams do it. */
function gather(make: (session: Session) => (text: string) => void): Case["read"] {
  let bars: FeedBar[] = [];
  const nothing = () => {};
  const take = make({
    ...{
      signal: new AbortController().signal,
      subscribed: nothing,
      interrupted: nothing,
      doubt: nothing,
      withhold: nothing,
      warn: nothing,
      refuse: nothing,
      alive: nothing,
      quiet: nothing,
    },
    emit: (some) => void bars.push(...some),
    reject(_, reason) {
      throw new Error(reason);
    },
  });
  return (text) => {
    bars = [];
    take(text);
    return bars;
  };
}

const cases: Case[] = [
  {
    name: "alpaca",
    frames: minutes.map((bars) => JSON.stringify(bars.map((bar) => toItem("b", { ...bar, trades: 16 })))),
    read: gather((session) =>
      createMessageReader(session, new Set(symbols), {
        success: () => {},
        subscription: () => {},
        error: () => false,
      }, clock)
    ),
  },
  {
    name: "massive",
    frames: minutes.map((bars) => JSON.stringify(bars.map(toAggregate))),
    read: (text) => readFrame(text, series).bars,
  },
  {
    name: "kraken",
    frames: minutes.map((bars) => {
      const data = bars.map((bar) => toMessage({ ...bar, trades: 16 }));
      return JSON.stringify({ channel: "ohlc", type: "update", data });
    }),
    read: gather((session) =>
      createKrakenReader(session, { timeframe: "1m", stepMs: MINUTE_MS, symbols, clock }, {
        bars: session.emit,
        accepted: () => {},
        beat: () => {},
        refused: () => {},
      })
    ),
  },
  {
    name: "binance",
    frames: minutes.flatMap((bars) => bars.map((bar) => JSON.stringify(toKline({ ...bar, trades: 16 }, true)))),
    read: gather((session) => {
      const klines = createLiveKlines({
        timeframe: "1m",
        stepMs: MINUTE_MS,
        symbols,
        session,
        provisional: false,
        note: series.note,
        clock,
      });
      return createBinanceReader(session, { kline: klines.take, answer: () => false }, clock);
    }),
  },
];

const dictionary = createSeriesDictionary();

/** Bars per second of one round: each is read, made a row as the supervisor does it, and checked as the pipeline does. */
function measure({ name, frames, read }: Case, seconds: number): number {
  const startedAt = cpuSeconds();
  let count = 0;
  while (cpuSeconds() - startedAt < seconds) {
    for (const text of frames) {
      const now = Date.now();
      const bars = read(text);
      const source = { provider: name, receivedAt: now * 1000 + count };
      count += bars.length;
      const { columns, rejected } = columnsFrom(kind, bars, dictionary, source);
      const unsound = kind.findUnsound(columns, now);
      if (rejected.length + unsound.size > 0) throw new Error(`${name}: ${[...unsound.values(), ...rejected]}`);
    }
  }
  if (count % FRAME !== 0) throw new Error(`${name}: some bars of a frame are missing`);
  return count / (cpuSeconds() - startedAt);
}

/** Processor time of all threads so far. */
function cpuSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

const seconds = Number(parseArgs(Deno.args, { string: ["seconds"] }).seconds ?? 3);
console.log("| provider | bars/s of one core |\n|----------|-------------------:|");
for (const each of cases) {
  const rates = Array.from({ length: 5 }, () => measure(each, seconds / 5)).toSorted((a, b) => a - b);
  console.log(`| ${each.name.padEnd(8)} | ${Math.round(rates[2]).toLocaleString("en-US").padStart(18)} |`);
}
