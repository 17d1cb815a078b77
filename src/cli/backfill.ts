/** `barline backfill`. @module */
import { loadConfig } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import { checkExposure } from "../http/address.ts";
import { hasHistory, providers as registry } from "../providers/mod.ts";
import type { HistoryRange, Provider } from "../providers/provider.ts";
import { makePastProviders } from "../app/configured.ts";
import { formatTime } from "../records/time.ts";
import { type Invocation, UsageError } from "./command.ts";
import { environment } from "./environment.ts";
import { streamBars } from "./stream.ts";
import { readTime } from "./time.ts";

/** Fixed settings, since a shared environment or file may have others for an ingest. */
const FIXED: Partial<Settings> = { kind: ["bar"], limit: undefined, quorum: [], journal: "off", dlqAutoReplay: "off" };

/** Reads a range of the providers' history into the database. */
export async function run({ options, flags, configFile, maxOpenFiles, early }: Invocation): Promise<number> {
  const range = readRange(flags, Date.now());
  let made: readonly Provider[] = [];
  const config = loadConfig({
    flags: options,
    ...environment(),
    file: configFile,
    oneTenant: true,
    check(checked) {
      if (checked.settings.provider.length === 0) {
        throw new UsageError(`Cannot backfill without a provider: give one with --provider, ${namesWithHistory()}`);
      }
      const past = makePastProviders({ ...checked, settings: { ...checked.settings, ...FIXED } });
      if (past.ok) made = past.value;
      const exposed = checked.sources.get("http") === "--http" ? checkExposure(checked) : [];
      return [...past.ok ? [] : past.problems, ...exposed];
    },
  });
  // Its own page would conflict with an ingest that runs beside it.
  const http = config.sources.get("http") === "--http" ? config.settings.http : "off";
  const settings = { ...config.settings, ...FIXED, http };
  const past = made.map((provider) => {
    if (provider.backfill !== undefined) return provider.backfill(range);
    throw new UsageError(`Cannot backfill from ${provider.name}: it has no history, expected ${namesWithHistory()}`);
  });
  const used = { ...config, settings };
  return await streamBars({ config: used, tenants: [{ config: used, providers: past }] }, {
    goOn: "run the same command again to continue from here",
    maxOpenFiles,
    early,
  });
}

/** Names of providers that have a history under any settings. */
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
    throw new UsageError(`Cannot backfill from ${formatTime(from)} to ${end}: expected a start before the end`);
  }
  return { from, to, restart: flags.has("restart") };
}
