/**
 * The parsers of streams and of history, each with frames as recorded.
 *
 * @module
 */
import { readBar as readAlpacaBar } from "../../src/providers/alpaca/bars.ts";
import { createMessageReader as createAlpacaReader } from "../../src/providers/alpaca/messages.ts";
import { readRow as readBinanceRow } from "../../src/providers/binance/klines.ts";
import { createLiveKlines } from "../../src/providers/binance/live.ts";
import { createMessageReader as createBinanceReader } from "../../src/providers/binance/messages.ts";
import { readRow as readKrakenRow } from "../../src/providers/kraken/bars.ts";
import { createMessageReader as createKrakenReader } from "../../src/providers/kraken/messages.ts";
import { readTrade } from "../../src/providers/kraken/trades.ts";
import { createTradeBars } from "../../src/providers/live/trade_bars.ts";
import { type FeedBar, FeedError } from "../../src/providers/live/feed.ts";
import { createRowReader } from "../../src/providers/live/transport/rows.ts";
import { readFrame } from "../../src/providers/massive/frame.ts";
import { readRow as readMassiveRow } from "../../src/providers/massive/history.ts";
import { createSeen } from "../../src/providers/live/seen.ts";
import { toMessage, toRow } from "../support/fake_binance.ts";
import { toAggregate } from "../support/fake_massive.ts";
import type { Original, Parser, Reading } from "./parser.ts";

const MINUTE_MS = 60_000;
const START = Date.UTC(2024, 6, 24, 14);
const SERIES = { timeframe: "1m", stepMs: MINUTE_MS };
type Json = Record<string, unknown>;

const number = (value: unknown) => typeof value === "number" ? value : NaN;

/** Epoch ms of an ISO 8601 time in any of its spellings. */
function time(text: unknown): number {
  if (typeof text !== "string") return NaN;
  const match = /^(\d+)-(\d+)-(\d+)[T ](\d+):(\d+):?(\d*)[.,]?(\d*)\s?(?:[Zz]|([+-])(\d\d):?(\d*))$/.exec(
    text.trim(),
  );
  if (match === null) return NaN;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  // Times are kept to the microsecond.
  const micros = Number(match[7].slice(0, 6));
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * (match[8] === "-" ? 1 : -1);
  const date = new Date(0);
  // `Date.UTC` takes 24 for 1924.
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute + offset, second) + (micros > 0 ? 0.5 : 0);
}

const objects = (json: unknown): Json[] =>
  (Array.isArray(json) ? json : []).filter((item) => typeof item === "object" && item !== null);
const list = (json: unknown): unknown[][] => (Array.isArray(json) ? json : []).filter(Array.isArray);
/** An original; only what JSON has as a number is one, or what is a decimal in its whole length, where texts are wanted. */
function original(symbol: unknown, ts: number, fields: readonly unknown[], isText: boolean): Original[] {
  const numbers = fields.map((field) =>
    isText && typeof field === "string" && field.trim() !== "" ? Number(field) : field
  );
  if (typeof symbol !== "string" || !numbers.every((number) => typeof number === "number")) return [];
  return [[symbol, ts, ...numbers] as unknown as Original];
}

function bar(symbol: string, minute: number, volume = 205.25) {
  const open = 100.25 + minute;
  return {
    symbol,
    ts: START + minute * MINUTE_MS,
    open,
    high: open + 1.5,
    low: open - 1.25,
    close: open + 0.5,
    volume,
  };
}
const pair = (...symbols: string[]) => symbols.flatMap((symbol) => [bar(symbol, 0), bar(symbol, 1, 0.00000001)]);

/** Gathers what a session is told. */
function gather() {
  const bars: FeedBar[] = [];
  const rejected: string[] = [];
  const nothing = () => {};
  return {
    session: {
      emit: (some: readonly FeedBar[]) => void bars.push(...some),
      reject: (_: unknown, reason: string) => void rejected.push(reason),
      ...{
        alive: nothing,
        interrupted: nothing,
        doubt: nothing,
        quiet: nothing,
        withhold: nothing,
        warn: nothing,
        subscribed: nothing,
      },
    },
    /** Reads a frame; an error that the protocol has is one of the ways that a connection ends. */
    run(read: (text: string) => void, text: string): Reading {
      bars.length = rejected.length = 0;
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof FeedError)) throw error;
      }
      return { bars, rejected };
    },
  };
}

/** Reads rows of a text as history does. */
function rows(parse: (row: unknown, symbol: string) => FeedBar | undefined | string, symbol: string) {
  return (text: string): Reading => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return { bars: [], rejected: [] };
    }
    const reader = createRowReader(parse);
    const bars = reader.read(symbol, Array.isArray(json) ? json : []);
    try {
      reader.finish();
    } catch (error) {
      return { bars, rejected: [(error as Error).message] };
    }
    return { bars, rejected: [] };
  };
}

function alpaca(): Parser {
  const symbols = ["AAPL", "MSFT"];
  const { session, run } = gather();
  const reader = createAlpacaReader(session, new Set(symbols), {
    success: () => {},
    subscription: () => {},
    error: () => false,
  });
  const item = (type: string, { symbol, ts, open, high, low, close, volume }: ReturnType<typeof bar>) => ({
    ...{ T: type, S: symbol, o: open, h: high, l: low, c: close, v: volume },
    ...{ t: new Date(ts).toISOString().replace(".000", ""), n: 16, vw: close },
  });
  return {
    name: "alpaca",
    symbols,
    frames: [
      JSON.stringify(pair(...symbols).map((each) => item("b", each))),
      JSON.stringify([item("u", bar("AAPL", 0)), item("d", bar("AAPL", 0))]),
      '[{"T":"success","msg":"authenticated"}]',
      '[{"T":"subscription","trades":[],"quotes":[],"bars":["AAPL"],"updatedBars":["AAPL"],"dailyBars":[]}]',
      '[{"T":"error","code":405,"msg":"symbol limit exceeded"}]',
    ],
    read: (text) => run(reader, text),
    originals: (json) =>
      objects(json).flatMap(({ S, t, o, h, l, c, v }) => original(S, time(t), [o, h, l, c, v], false)),
  };
}

function alpacaHistory(): Parser {
  const { frames: [frame], originals } = alpaca();
  const one = JSON.stringify(objects(JSON.parse(frame)).filter(({ S }) => S === "AAPL"));
  return {
    name: "alpaca history",
    symbols: ["AAPL"],
    frames: [one],
    read: rows((row, symbol) => readAlpacaBar(row, symbol, "final"), "AAPL"),
    originals: (json) => [...originals(objects(json).map((row) => ({ ...row, S: "AAPL" })))],
  };
}

function massive(): Parser {
  const symbols = ["AAPL", "MSFT"];
  const series = { ...SERIES, channel: "AM", note: createSeen(symbols, MINUTE_MS) };
  return {
    name: "massive",
    symbols,
    frames: [
      JSON.stringify(pair(...symbols).map((each) => toAggregate(each))),
      JSON.stringify([
        { ev: "status", status: "success", message: "subscribed to: AM.AAPL" },
        toAggregate(bar("AAPL", 2)),
      ]),
      '[{"ev":"status","status":"max_connections","message":"Maximum number of websocket connections exceeded."}]',
    ],
    read(text) {
      const { bars, rejected } = readFrame(text, series);
      return { bars, rejected: rejected.map(({ reason }) => reason) };
    },
    originals: (json) =>
      objects(json).flatMap(({ sym, s, o, h, l, c, v }) => original(sym, number(s), [o, h, l, c, v], false)),
  };
}

function massiveHistory(): Parser {
  const row = ({ ts, open, high, low, close, volume }: ReturnType<typeof bar>) => (
    { v: volume, vw: close, o: open, c: close, h: high, l: low, t: ts, n: 12 }
  );
  return {
    name: "massive history",
    symbols: ["AAPL"],
    frames: [JSON.stringify(pair("AAPL").map(row))],
    read: rows((each) => readMassiveRow(each, { symbol: "AAPL", ...SERIES }), "AAPL"),
    originals: (json) =>
      objects(json).flatMap(({ t, o, h, l, c, v }) => original("AAPL", number(t), [o, h, l, c, v], false)),
  };
}

function kraken(): Parser {
  const symbols = ["BTC/USD", "ETH/USD"];
  const { session, run } = gather();
  const reader = createKrakenReader(session, { ...SERIES, symbols }, {
    bars: session.emit,
    accepted: () => {},
    beat: () => {},
    refused: () => {},
  });
  const item = ({ ts, ...each }: ReturnType<typeof bar>) => ({
    ...each,
    ...{
      trades: 15,
      vwap: each.close,
      interval_begin: new Date(ts).toISOString().replace("Z", "000000Z"),
      interval: 1,
    },
  });
  return {
    name: "kraken",
    symbols,
    frames: [
      JSON.stringify({ channel: "ohlc", type: "snapshot", data: pair(...symbols).map(item) }),
      JSON.stringify({
        channel: "ohlc",
        type: "update",
        timestamp: "2024-07-24T14:00:01Z",
        data: [item(bar("BTC/USD", 2))],
      }),
      '{"method":"subscribe","result":{"channel":"ohlc","interval":1,"symbol":"BTC/USD"},"success":true}',
      '{"error":"Currency pair not supported XBT/USDT","method":"subscribe","success":false,"symbol":"XBT/USDT"}',
    ],
    read: (text) => run(reader, text),
    originals: (json) =>
      objects((json as Json | null)?.data).flatMap(({ symbol, interval_begin: at, open, high, low, close, volume }) =>
        original(symbol, time(at), [open, high, low, close, volume], false)
      ),
  };
}

function krakenHistory(): Parser {
  const row = ({ ts, open, high, low, close, volume }: ReturnType<typeof bar>) => [
    ts / 1000,
    ...[open, high, low, close, close, volume].map((number) => number.toFixed(8)),
    3,
  ];
  return {
    name: "kraken history",
    symbols: ["BTC/USD"],
    frames: [JSON.stringify(pair("BTC/USD").map(row))],
    read: rows((each, symbol) => readKrakenRow(each, symbol, SERIES), "BTC/USD"),
    originals: (json) =>
      list(json).flatMap(([t, o, h, l, c, _, v]) => original("BTC/USD", number(t) * 1000, [o, h, l, c, v], true)),
  };
}

/** Each trade alone, so that its bar has its numbers. */
function krakenTrades(): Parser {
  return {
    name: "kraken trades",
    symbols: ["BTC/USD"],
    frames: [
      '[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],["5","12",1688669598.5,"s","l","",7]]',
    ],
    read: rows((row) => {
      const trade = readTrade(row);
      if (typeof trade === "string") return trade;
      const bars = createTradeBars("BTC/USD", SERIES);
      bars.add(trade);
      return bars.end();
    }, "BTC/USD"),
    originals: (json) =>
      list(json).flatMap(([price, volume, seconds]) => {
        const ts = Math.floor(number(seconds) * 1000 / MINUTE_MS) * MINUTE_MS;
        return original("BTC/USD", ts, [price, price, price, price, volume], true);
      }),
  };
}

function binance(): Parser {
  const symbols = ["BTCUSDT", "ETHUSDT"];
  const { session, run } = gather();
  let klines = createLiveKlines({ ...SERIES, symbols, session, provisional: true, note: () => false });
  const reader = createBinanceReader(session, {
    kline: (k, reject) => klines.take(k, reject),
    answer: () => false,
  });
  return {
    name: "binance",
    symbols,
    frames: [
      ...pair(...symbols).map((each) => JSON.stringify(toMessage({ ...each, trades: 100 }, true))),
      JSON.stringify(toMessage({ ...bar("BTCUSDT", 2), trades: 0 }, false)),
      '{"result":null,"id":1}',
      '{"error":{"code":2,"msg":"Invalid request"},"id":1}',
      '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}',
    ],
    read(text) {
      // Of what was read before nothing may hide what is read now.
      klines = createLiveKlines({ ...SERIES, symbols, session, provisional: true, note: () => false });
      return run(reader, text);
    },
    originals(json) {
      const { data = json } = json as Json;
      const { s, t, o, h, l, c, v } = ((data as Json | null)?.k ?? {}) as Json;
      return original(s, number(t), [o, h, l, c, v], true);
    },
  };
}

function binanceHistory(): Parser {
  return {
    name: "binance history",
    symbols: ["BTCUSDT"],
    frames: [JSON.stringify(pair("BTCUSDT").map((each) => toRow({ ...each, trades: 100 })))],
    read: rows((row, symbol) => readBinanceRow(row, symbol, SERIES), "BTCUSDT"),
    originals: (json) =>
      list(json).flatMap(([t, o, h, l, c, v]) => original("BTCUSDT", number(t), [o, h, l, c, v], true)),
  };
}

/** All parsers of JSON. */
export const parsers: readonly Parser[] = [
  alpaca(),
  alpacaHistory(),
  massive(),
  massiveHistory(),
  kraken(),
  krakenHistory(),
  krakenTrades(),
  binance(),
  binanceHistory(),
];
