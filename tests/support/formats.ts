/**
 * The files of `tests/fixtures/formats`, and what nobody but the user can say of each.
 *
 * @module
 */
import { recordsOf } from "./frames.ts";
import { fromFileUrl } from "@std/path";
import { readFormat } from "../../src/config/files.ts";
import type { GivenFormat } from "../../src/files/plan_file.ts";
import { createReplay } from "../../src/providers/replay.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { createContext, readFrames } from "../providers/conformance.ts";
import { providerSettings } from "./providers.ts";

/** A file of a format. */
export interface FormatFile {
  readonly format: string;
  /** Path below the directory of the format. */
  readonly file: string;
  /** Flags that answer what is asked, with their values; without the dashes. */
  readonly answers?: Readonly<Record<string, string | readonly string[]>>;
  /** Whether it has not what tells its format for sure. */
  readonly isGeneric?: true;
}

const SYMBOL = (symbol: string) => ({ constant: `symbol=${symbol}` });
const BROKER = { timeZone: "America/New_York+7", stamp: "start" };

/** All files. */
export const FORMAT_FILES: readonly FormatFile[] = [
  { format: "yahoo", file: "AAPL.csv" },
  { format: "yfinance", file: "msft.csv", answers: { timeframe: "1d" } },
  { format: "yfinance", file: "wide.csv", answers: { timeframe: "30m" } },
  { format: "yfinance-history", file: "aapl.csv", answers: { ...SYMBOL("AAPL"), timeframe: "1d" } },
  { format: "stooq", file: "aapl.us.txt" },
  { format: "stooq-csv", file: "aapl_us_d.csv" },
  { format: "stooq-pl", file: "aapl_us_d.csv" },
  { format: "finam", file: "SBER_240103.txt", answers: { stamp: "start" } },
  { format: "investing", file: "AAPL Historical Data.csv" },
  { format: "nasdaq", file: "HistoricalData_1734300000000.csv", answers: SYMBOL("AAPL") },
  { format: "googlefinance", file: "Sheet1.csv", answers: SYMBOL("AAPL") },
  { format: "alphavantage", file: "daily_adjusted_MSFT.csv", answers: { ...SYMBOL("MSFT"), timeframe: "1d" } },
  {
    format: "alphavantage",
    file: "intraday_5min_MSFT.csv",
    isGeneric: true,
    answers: { ...SYMBOL("MSFT"), stamp: "start", timeframe: "5m" },
  },
  {
    format: "twelvedata",
    file: "twelvedata.csv",
    answers: { ...SYMBOL("AAPL"), timeZone: "America/New_York", stamp: "start", timeframe: "1m" },
  },
  { format: "tiingo", file: "IBM.csv", answers: SYMBOL("IBM") },
  { format: "eodhd", file: "AAPL.US.csv", answers: { ...SYMBOL("AAPL"), timeframe: "5m" } },
  { format: "eodhd-daily", file: "AAPL.csv" },
  { format: "sharadar", file: "SHARADAR_SEP.csv" },
  {
    format: "firstrate",
    file: "AACG_full_1min_adjsplitdiv.txt",
    answers: { timeZone: "America/New_York", stamp: "start" },
  },
  { format: "kibot", file: "MSFT.txt", answers: { timeframe: "1m" } },
  { format: "kibot-daily", file: "IBM_unadjusted.txt" },
  { format: "crsp", file: "crsp_dsf.csv" },
  { format: "binance", file: "BTCUSDT-1m-2025-01.csv" },
  { format: "binance-futures", file: "BTCUSDT-1m-2024-01.csv" },
  { format: "kraken", file: "XBTUSD_60.csv", answers: { stamp: "start" } },
  { format: "cryptodatadownload", file: "Binance_ADAEUR_d.csv" },
  { format: "cryptodatadownload", file: "Bitstamp_BTCUSD_1h.csv" },
  { format: "cryptodatadownload-old", file: "Coinbase_BTCUSD_1h.csv" },
  { format: "kaggle-btc", file: "bitstampUSD_1-min_data.csv", answers: { ...SYMBOL("BTCUSD"), timeframe: "1m" } },
  { format: "kaggle-stocks", file: "aapl.us.txt" },
  { format: "freqtrade", file: "BTC_USDT-5m.json" },
  { format: "ccxt", file: "ohlcv.json", answers: { ...SYMBOL("BTC/USDT"), timeframe: "1m" } },
  { format: "coinbase", file: "candles.json", answers: { ...SYMBOL("BTC-USD"), timeframe: "1m" } },
  { format: "massive", file: "us_stocks_sip/minute_aggs_v1/2025/04/2025-04-16.csv" },
  { format: "databento", file: "xnas-itch-20230821.ohlcv-1d.csv" },
  { format: "databento", file: "pretty.ohlcv-1m.csv" },
  { format: "databento-json", file: "glbx-mdp3-20240102.ohlcv-1m.json", answers: SYMBOL("ESH4") },
  { format: "alpaca", file: "bars.json", answers: { stamp: "start", timeframe: "1m" } },
  { format: "alpaca", file: "one.json", answers: { ...SYMBOL("AAPL"), stamp: "start", timeframe: "1m" } },
  { format: "lean", file: "20140605_aapl_minute_trade.csv" },
  { format: "lean-daily", file: "daily/aapl.csv" },
  { format: "lean-daily", file: "hour/aapl.csv" },
  { format: "lean-crypto", file: "20180405_btcusd_minute_trade.csv" },
  { format: "ib", file: "spy.csv", answers: { ...SYMBOL("SPY"), timeframe: "1m" } },
  { format: "quantrocket", file: "history.csv", answers: { timeframe: "1d" } },
  { format: "zipline", file: "minute/AAPL.csv" },
  { format: "zipline-daily", file: "daily/AAPL.csv" },
  { format: "histdata", file: "DAT_ASCII_EURUSD_M1_2012.csv", answers: { stamp: "start" } },
  { format: "histdata-mt", file: "DAT_MT_EURUSD_M1_201202.csv", answers: { stamp: "start" } },
  { format: "dukascopy", file: "EURUSD_Candlestick_1_M_BID_26.03.2025-27.03.2025.csv" },
  { format: "dukascopy-local", file: "DEUIDXEUR_Candlestick_1_M_BID_01.07.2025-02.07.2025.csv" },
  { format: "jforex", file: "XAUUSD_1 Min_Bid_2020.01.09_2020.07.10.csv" },
  { format: "mt4", file: "EURUSD60.csv", answers: { timeZone: "Europe/Athens", stamp: "start" } },
  { format: "mt5", file: "XAUUSD_H1_202201030100_202207040000.csv", answers: BROKER },
  { format: "mt5", file: "XAUUSD_D1_202501010000_202501020000.csv" },
  { format: "tradingview", file: "NASDAQ_AAPL, 60.csv", answers: { stamp: "start" } },
  { format: "tradingview", file: "BINANCE_BTCUSDT, 1D (1).csv" },
  {
    format: "tradestation",
    file: "ES.txt",
    answers: { ...SYMBOL("ES"), column: "volume=Up+Down", timeZone: "America/Chicago", timeframe: "1m" },
  },
  { format: "ninjatrader", file: "ES 12-06.Last.txt", answers: { timeframe: "1m" } },
  {
    format: "sierra",
    file: "ESU26-BarData.txt",
    answers: { timeZone: "America/Chicago", stamp: "start", timeframe: "1m" },
  },
  { format: "multicharts", file: "TXF1 1 Minute.txt", answers: { timeZone: "Asia/Taipei" } },
  { format: "excel-de", file: "kurse.csv", answers: { ...SYMBOL("DAX"), encoding: "windows-1252", timeframe: "1d" } },
];

const ROOT = fromFileUrl(new URL("../fixtures/formats/", import.meta.url));

/** Path of a file. */
export const pathOf = ({ format, file }: FormatFile): string => `${ROOT}${format}/${file}`;

/** What flags say. */
export function given(flags: Readonly<Record<string, string | readonly string[]>>): GivenFormat {
  const read = readFormat(flags, recordKinds.bar.fields.map(({ name }) => name));
  if (!read.ok) throw new Error(read.problems.map(({ message }) => message).join("\n"));
  return read.given;
}

/** Options of a command line as the configuration has them. */
export function optionsOf(command: string): Record<string, string | string[]> {
  const words = Array.from(command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain);
  const options: Record<string, string | string[]> = {};
  for (let at = 2; at < words.length; at += 2) {
    const name = words[at].slice(2).replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
    const before = options[name];
    options[name] = before === undefined ? words[at + 1] : [before, words[at + 1]].flat();
  }
  return options;
}

/** Reads the bars of files, what was refused of them, and what was warned of. */
export async function readBars(file: string | readonly string[], format: GivenFormat) {
  const provider = createReplay(providerSettings({ file: [file].flat(), format }));
  const context = createContext();
  const frames = await readFrames(provider.open(context));
  return {
    bars: frames.flatMap((frame) => recordsOf(frame)),
    refused: frames.flatMap(({ rejected }) => rejected).map(({ line, reason }) => `${line} ${reason}`),
    warned: context.notices,
  };
}
