import type { Preset } from "../preset.ts";
import { databento } from "./databento.ts";

/** Databento, OHLCV as JSON lines. */
export const databentoJson: Preset = {
  name: "databento-json",
  about: "Databento, OHLCV as JSON lines",
  dialect: {
    ...databento.dialect,
    columns: { ...databento.dialect.columns, timeframe: "hd.rtype", ts: "hd.ts_event" },
  },
  file: "glbx-mdp3-20240102.ohlcv-1m.json",
  example: [
    '{"hd":{"ts_event":"1704205800000000000","rtype":33,"publisher_id":1,"instrument_id":5482},"open":"4785500000000","high":"4786250000000","low":"4785250000000","close":"4786000000000","volume":"1234"}',
  ],
};
