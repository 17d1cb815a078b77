import { ohlcv, type Preset } from "../preset.ts";

/** Binance Vision, futures. */
export const binanceFutures: Preset = {
  name: "binance-futures",
  about: "Binance Vision, futures",
  dialect: {
    columns: { ts: "open_time", trades: "count", ...ohlcv("open", "high", "low", "close", "volume") },
    timeUnit: "auto",
    stamp: "start",
    symbolFrom: ["{ticker}-{timeframe}-{date}.*"],
  },
  signatures: [{ header: ["open_time", "taker_buy_volume", "ignore"] }],
  file: "BTCUSDT-1m-2024-01.csv",
  example: [
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
    "1704067200000,42314.00,42335.80,42289.60,42331.90,289.641,1704067259999,12256155.27464,3310,175.211,7414459.73890,0",
  ],
  notes: "The volume of COIN-M futures is in contracts.",
};
