/** `barline inspect`. @module */
import { FILE_OPTIONS } from "../../config/file_options.ts";
import type { Command } from "../command.ts";

/** Shows how files would be read, and stores nothing. */
export const inspect: Command = {
  summary: "Show how files would be read, and the command that loads them",
  takesWords: true,
  usage: "FILE… [options]",
  options: ["timeframe", "kind", "timeUnit", ...FILE_OPTIONS, "json"],
  examples: [
    "inspect bars.csv",
    "inspect 'EURUSD60.csv' --time-zone Europe/Athens --stamp start",
    "inspect --format ./mine.yaml history/*.csv",
    "inspect prices.parquet --json",
  ],
  load: () => import("../inspect.ts"),
};
