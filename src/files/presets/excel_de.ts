import { ohlcv, type Preset } from "../preset.ts";

/** Excel in German. */
export const excelDe: Preset = {
  name: "excel-de",
  about: "Excel in German",
  dialect: {
    delimiter: ";",
    decimal: ",",
    thousands: ".",
    columns: { ts: "Datum", ...ohlcv("Eröffnung|Er*ffnung", "Hoch", "Tief", "Schluss", "Volumen") },
    timeFormat: "%d.%m.%Y[ %H:%M[:%S]]",
  },
  file: "kurse.csv",
  example: ["Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", "02.01.2024;1.234,50;1.240,00;1.230,25;1.236,75;1.250.000"],
};
