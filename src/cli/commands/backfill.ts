/** `barline backfill`. @module */
import { FILE_OPTIONS } from "../../config/file_options.ts";
import type { Command, OptionName } from "../command.ts";

/** Options for files, live bars or other ways to end. */
const UNUSED: readonly OptionName[] = [
  ...["kind", "file", "refuseLimit", "timeUnit", "speed", "provisional", "follow", "resume", "limit"] as const,
  ...FILE_OPTIONS,
  ...["failover", "failoverAfter", "failoverBack", "quorum", "quorumTolerance", "quorumVolumeTolerance"] as const,
  // History can be read again: it needs no journal.
  ...["journal", "journalSyncMs", "journalMaxBytes", "journalFull"] as const,
  // Left to an ingest that may run beside it.
  "dlqAutoReplay",
];

/** Reads a range of the providers' history into the database. */
export const backfill: Command = {
  summary: "Read a range of a provider's history into the database",
  usage: "--provider NAME --symbols A,B --from TIME [--to TIME] [options]",
  options: (all) => all.filter((name) => !UNUSED.includes(name)),
  flags: [
    { name: "from", value: "TIME", help: "start of the first bar: a day (UTC) or a time, as in 2024-01-02T14:30:00Z" },
    { name: "to", value: "TIME", help: "bars start before it: a day (UTC) or a time [now]" },
    { name: "restart", help: "read again what earlier runs have committed" },
  ],
  examples: [
    "backfill --provider kraken --symbols BTC/USD --from 2024-01-02",
    "backfill --provider alpaca --symbols AAPL,MSFT --from 2023-01-01 --to 2024-01-01 --json",
  ],
  summarizes: true,
  serves: true,
  load: () => import("../backfill.ts"),
};
