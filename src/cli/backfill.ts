/** `barline backfill`. @module */
import { loadConfig } from "../config/load.ts";
import { type OptionName, optionSpecs, type Settings } from "../config/options.ts";
import { checkExposure } from "../http/address.ts";
import { hasHistory, providers as registry } from "../providers/mod.ts";
import type { HistoryRange, Provider } from "../providers/provider.ts";
import { formatTime } from "../records/time.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { createPastProviders } from "./providers.ts";
import { streamBars } from "./stream.ts";
import { readTime } from "./time.ts";

/** Options that tell of files, of live bars or of an end of another kind. */
const UNUSED: readonly OptionName[] = [
  ...["kind", "file", "timeUnit", "speed", "provisional", "resume", "limit"] as const,
  ...["failover", "failoverAfter", "failoverBack", "quorum", "quorumTolerance", "quorumVolumeTolerance"] as const,
  // History can be read again: it needs no journal.
  ...["journal", "journalSyncMs", "journalMaxBytes", "journalFull"] as const,
  // That is for the ingest that may run beside it.
  "dlqAutoReplay",
];
/** What they are set to all the same: they may stand in an environment or a file that an ingest shares. */
const FIXED: Partial<Settings> = { kind: ["bar"], limit: undefined, quorum: [], journal: "off", dlqAutoReplay: "off" };

/** Reads a range of the providers' history into the database. */
export const backfill: Command = {
  summary: "Read a range of a provider's history into the database",
  usage: "--provider NAME --symbols A,B --from TIME [--to TIME] [options]",
  options: optionSpecs.map(({ name }) => name).filter((name) => !UNUSED.includes(name)),
  flags: [
    { name: "from", value: "TIME", help: "start of the first bar: a day (UTC) or a time, as in 2024-01-02T14:30:00Z" },
    { name: "to", value: "TIME", help: "bars start before it: a day (UTC) or a time [now]" },
    { name: "restart", help: "read again what earlier runs have committed" },
  ],
  examples: [
    "backfill --provider kraken --symbols BTC/USD --from 2024-01-02",
    "backfill --provider alpaca --symbols AAPL,MSFT --from 2023-01-01 --to 2024-01-01 --json",
  ],
  async run({ options, flags, configFile }) {
    const range = readRange(flags, Date.now());
    let made: Provider[] = [];
    const config = loadConfig({
      flags: options,
      env: Deno.env.get,
      file: configFile,
      oneTenant: true,
      check(checked, problems) {
        if (checked.settings.provider.length === 0) {
          throw new UsageError(`Cannot backfill without a provider: give one with --provider, ${namesWithHistory()}`);
        }
        made = createPastProviders({ ...checked, settings: { ...checked.settings, ...FIXED } }, problems);
        if (checked.sources.get("http") === "--http") checkExposure(checked, problems);
      },
    });
    // A page of its own would be in the way of an ingest that runs beside it.
    const http = config.sources.get("http") === "--http" ? config.settings.http : "off";
    const settings = { ...config.settings, ...FIXED, http };
    const past = made.map((provider) => {
      if (provider.backfill !== undefined) return provider.backfill(range);
      throw new UsageError(`Cannot backfill from ${provider.name}: it has no history, wanted is ${namesWithHistory()}`);
    });
    const code = await streamBars({ ...config, settings }, [{ config: { ...config, settings }, providers: past }]);
    const isComplete = past.every((provider) => {
      const progress = provider.progress?.();
      return progress !== undefined && progress.done >= progress.total;
    });
    if (code !== EXIT.done || isComplete) return code;
    console.error("Stopped before its end: run the same command again to go on from here");
    return EXIT.failed;
  },
};

/** Providers whose settings have no say in whether there is history. */
function namesWithHistory(): string {
  return `one of ${Object.keys(registry).filter(hasHistory).join(", ")}`;
}

/**
 * Reads the range of the flags.
 *
 * @throws {UsageError} If a time cannot be read, or the range is empty.
 */
export function readRange(flags: ReadonlyMap<string, string | true>, now: number): HistoryRange {
  const from = readTime(flags, "from");
  const to = readTime(flags, "to") ?? now;
  if (from === undefined) {
    throw new UsageError("Cannot backfill without a start: give one, as in --from 2024-01-02");
  }
  if (from >= Math.min(to, now)) {
    const end = to > now ? "now" : formatTime(to);
    throw new UsageError(`Cannot backfill from ${formatTime(from)} to ${end}: wanted is a start before the end`);
  }
  return { from, to, restart: flags.has("restart") };
}
