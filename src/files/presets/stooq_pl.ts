import { ohlcv, type Preset } from "../preset.ts";

/** Stooq, daily bars of one symbol from the Polish site. */
export const stooqPl: Preset = {
  name: "stooq-pl",
  about: "Stooq, daily bars of one symbol from the Polish site",
  dialect: {
    columns: { ts: "Data", ...ohlcv("Otwarcie", "Najwyzszy", "Najnizszy", "Zamkniecie", "Wolumen") },
    timeframe: "1d",
    symbolFrom: ["{symbol}_d.csv"],
  },
  file: "aapl_us_d.csv",
  example: ["Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", "2024-01-02,187.15,188.44,183.885,185.64,82488674"],
};
