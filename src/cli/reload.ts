/**
 * Reading the configuration again while a run goes on.
 *
 * @module
 */
import type { SourcesChange } from "../app/sources.ts";
import type { Config } from "../config/load.ts";
import { type OptionName, optionSpecs } from "../config/options.ts";
import type { Provider } from "../providers/provider.ts";

/** A configuration, and the providers that it names. */
export interface LoadedSources {
  readonly config: Config;
  readonly providers: readonly Provider[];
}

/** What a reload has come to. */
export interface ReloadReport extends SourcesChange {
  /** Options that have changed and are heeded only at the next start. */
  readonly needRestart: readonly OptionName[];
}

/** Options that say which providers there are, and how they are. */
const OF_PROVIDERS: readonly OptionName[] = [
  ...["provider", "symbols", "timeframe", "file", "timeUnit", "speed", "resume", "provisional", "pollSeconds"] as const,
  ...["failover", "failoverAfter", "failoverBack"] as const,
];

/**
 * Makes what reloads: reads the configuration anew and makes its providers those of the run, by `replace`. Where it is not
 * right nothing changes, and the error says why.
 */
export function createReload(
  started: Config,
  load: () => LoadedSources,
  replace: (sources: LoadedSources) => Promise<SourcesChange>,
): () => Promise<ReloadReport> {
  return async () => {
    const sources = load();
    const { config } = sources;
    const needRestart = optionSpecs.map(({ name }) => name).filter((name) =>
      !OF_PROVIDERS.includes(name) && JSON.stringify(config.settings[name]) !== JSON.stringify(started.settings[name])
    );
    if (needRestart.includes("kind")) {
      throw new RangeError(
        `Cannot reload other kinds of records (${config.settings.kind.join(", ")}): restart for that`,
      );
    }
    return { ...await replace(sources), needRestart };
  };
}
