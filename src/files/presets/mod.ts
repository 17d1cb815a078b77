/**
 * The named formats, one file each.
 *
 * @module
 */
import type { Preset } from "../preset.ts";
import { yahoo } from "./yahoo.ts";
import { yfinance } from "./yfinance.ts";
import { yfinanceHistory } from "./yfinance_history.ts";
import { stooq } from "./stooq.ts";
import { stooqCsv } from "./stooq_csv.ts";
import { stooqPl } from "./stooq_pl.ts";
import { finam } from "./finam.ts";
import { investing } from "./investing.ts";
import { nasdaq } from "./nasdaq.ts";
import { googlefinance } from "./googlefinance.ts";
import { alphavantage } from "./alphavantage.ts";
import { twelvedata } from "./twelvedata.ts";
import { tiingo } from "./tiingo.ts";
import { eodhd } from "./eodhd.ts";
import { eodhdDaily } from "./eodhd_daily.ts";
import { sharadar } from "./sharadar.ts";
import { firstrate } from "./firstrate.ts";
import { kibot } from "./kibot.ts";
import { kibotDaily } from "./kibot_daily.ts";
import { crsp } from "./crsp.ts";
import { binance } from "./binance.ts";
import { binanceFutures } from "./binance_futures.ts";
import { kraken } from "./kraken.ts";
import { cryptodatadownload } from "./cryptodatadownload.ts";
import { cryptodatadownloadOld } from "./cryptodatadownload_old.ts";
import { kaggleBtc } from "./kaggle_btc.ts";
import { kaggleStocks } from "./kaggle_stocks.ts";
import { freqtrade } from "./freqtrade.ts";
import { ccxt } from "./ccxt.ts";
import { coinbase } from "./coinbase.ts";
import { massive } from "./massive.ts";
import { databento } from "./databento.ts";
import { databentoJson } from "./databento_json.ts";
import { alpaca } from "./alpaca.ts";
import { lean } from "./lean.ts";
import { leanDaily } from "./lean_daily.ts";
import { leanCrypto } from "./lean_crypto.ts";
import { ib } from "./ib.ts";
import { quantrocket } from "./quantrocket.ts";
import { zipline } from "./zipline.ts";
import { ziplineDaily } from "./zipline_daily.ts";
import { histdata } from "./histdata.ts";
import { histdataMt } from "./histdata_mt.ts";
import { dukascopy } from "./dukascopy.ts";
import { dukascopyLocal } from "./dukascopy_local.ts";
import { jforex } from "./jforex.ts";
import { mt4 } from "./mt4.ts";
import { mt5 } from "./mt5.ts";
import { tradingview } from "./tradingview.ts";
import { tradestation } from "./tradestation.ts";
import { ninjatrader } from "./ninjatrader.ts";
import { sierra } from "./sierra.ts";
import { multicharts } from "./multicharts.ts";
import { excelDe } from "./excel_de.ts";

/** All presets by name, in the order of the documentation. */
export const presets: ReadonlyMap<string, Preset> = new Map(
  [
    yahoo,
    yfinance,
    yfinanceHistory,
    stooq,
    stooqCsv,
    stooqPl,
    finam,
    investing,
    nasdaq,
    googlefinance,
    alphavantage,
    twelvedata,
    tiingo,
    eodhd,
    eodhdDaily,
    sharadar,
    firstrate,
    kibot,
    kibotDaily,
    crsp,
    binance,
    binanceFutures,
    kraken,
    cryptodatadownload,
    cryptodatadownloadOld,
    kaggleBtc,
    kaggleStocks,
    freqtrade,
    ccxt,
    coinbase,
    massive,
    databento,
    databentoJson,
    alpaca,
    lean,
    leanDaily,
    leanCrypto,
    ib,
    quantrocket,
    zipline,
    ziplineDaily,
    histdata,
    histdataMt,
    dukascopy,
    dukascopyLocal,
    jforex,
    mt4,
    mt5,
    tradingview,
    tradestation,
    ninjatrader,
    sierra,
    multicharts,
    excelDe,
  ].map((preset) => [preset.name, preset]),
);
