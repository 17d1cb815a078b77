/**
 * An instance's part of the configuration: its providers with the symbols of some of the shards.
 *
 * @module
 */
import { parseDatabaseUrl } from "../config/database.ts";
import type { CheckedConfig, Config } from "../config/load.ts";
import { type ConfigProblem, type Result, resultOf, valueOrThrow } from "../config/problem.ts";
import { isClustered, keepsLeasesInNats } from "../config/cluster.ts";
import type { Settings } from "../config/options.ts";
import type { Provider } from "../providers/provider.ts";
import { shardOf } from "../records/shard.ts";
import type { Share } from "./cluster.ts";
import { inspectTenantProviders, makeProviders, sourcesOf, type TenantProviders } from "./configured.ts";

/** Creates the providers of a run, whose symbols can be distributed if this instance is one of several. */
export function makeRunProviders(config: CheckedConfig): Result<TenantProviders> {
  const { providers, problems } = inspectTenantProviders(config);
  return resultOf(providers, [...problems, ...checkShare(config, [...providers.values()].flat())]);
}

/** Finds the problems that keep the symbols of a configuration from being distributed over instances. */
function checkShare({ settings, sources, tenants }: CheckedConfig, providers: readonly Provider[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!isClustered(settings)) return problems;
  const refuse = (key: "shard" | "shards" | "provider" | "leaseDatabase" | "tenant", message: string) =>
    problems.push({ key, source: sources.get(key)!, message });
  const { shards = 1, shard, leaseDatabase } = settings;
  if (typeof shard === "number" && shard >= shards) {
    refuse("shard", `current value is ${shard}, expected auto, or a number from 0 to ${shards - 1}`);
  }
  if (settings.database === "embedded" && leaseDatabase === undefined && !keepsLeasesInNats(settings)) {
    refuse(
      sources.get("shards") === "default" ? "shard" : "shards",
      "the embedded database is of this instance alone, expected --database postgres://user@host:port/name, which all share",
    );
  }
  try {
    if (leaseDatabase !== undefined) parseDatabaseUrl(leaseDatabase, settings);
  } catch (error) {
    refuse("leaseDatabase", `current value ${(error as Error).message}, expected postgres://user@host:port/name`);
  }
  if (tenants.length > 0) {
    refuse("tenant", "instances that share out shards run one tenant, expected its name");
  }
  for (const { name, members, symbols } of providers) {
    if (members !== undefined || symbols !== undefined) continue;
    refuse("provider", `${name} has no symbols that could be shared out, expected providers that have`);
  }
  return problems;
}

/** Creates the providers of some shards; empty if they have no symbols. The configuration has been checked. */
export function shareOf(config: Config, shards: number = config.settings.shards ?? 1): Share {
  return (held) => {
    const settings = shareSettings(config.settings, (symbol) => held.has(shardOf(symbol, shards)));
    if (settings === undefined) return [];
    return valueOrThrow(makeProviders({ ...config, settings }));
  };
}

/** The settings with fewer symbols; `undefined` if none are left. */
function shareSettings(settings: Settings, keep: (symbol: string) => boolean): Settings | undefined {
  const { alone, group } = sourcesOf(settings);
  const symbols: Record<string, string[]> = {};
  for (const [name, own] of alone) symbols[name] = own.filter(keep);
  // Symbols at the same position correspond: those of the first provider decide the shard.
  const [first = []] = group.values();
  const places = [...first.keys()].filter((at) => keep(first[at]));
  for (const [name, own] of group) symbols[name] = places.flatMap((at) => own[at] ?? []);
  for (const name of Object.keys(symbols)) if (symbols[name].length === 0) delete symbols[name];
  const provider = [...alone.keys()].filter((name) => name in symbols);
  const failover = [...group.keys()].filter((name) => name in symbols);
  if (provider.length + failover.length === 0) return undefined;
  // Compared providers have the same shards; checkQuorum() has checked that they run.
  return { ...settings, symbols, provider, failover, quorum: [] };
}
