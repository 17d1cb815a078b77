/**
 * Makes the providers that the configuration names.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";
import type { Config, ConfigProblem } from "../config/load.ts";
import type { OptionName, Settings } from "../config/options.ts";
import { isMapping, valueOf } from "../config/per_provider.ts";
import { namesOf, providers as registry } from "../providers/mod.ts";
import { type Provider, type ProviderSettings, SettingError } from "../providers/provider.ts";
import { recordKind } from "../records/mod.ts";
import { DEFAULT_TIMEFRAME } from "../records/timeframe.ts";

/** Makes each provider that is wanted; adds what hinders to `problems`. */
export function createProviders(config: Omit<Config, "target">, problems: ConfigProblem[]): Provider[] {
  const { settings, sources, variable } = config;
  checkMappings(config, problems);
  const made: Provider[] = [];
  for (const name of wantedNames(settings)) {
    if (!Object.hasOwn(registry, name)) {
      problems.push({ key: "provider", source: sources.get("provider")!, message: explainUnknown(name) });
      continue;
    }
    const names = namesOf(name);
    const wanted: ProviderSettings = {
      ...settings,
      symbols: valueOf<readonly string[]>(settings.symbols, names) ?? [],
      timeframe: valueOf<string>(settings.timeframe, names) ?? DEFAULT_TIMEFRAME,
      variable,
      kind: recordKind("bar"),
    };
    try {
      const provider = registry[name](wanted);
      // A provider may go by several names.
      if (!made.some((other) => other.name === provider.name)) made.push(provider);
    } catch (error) {
      for (const each of error instanceof AggregateError ? error.errors : [error]) {
        if (!(each instanceof SettingError)) throw error;
        // What is no option is a variable.
        const source = sources.get(each.option as OptionName) ?? "environment";
        const isOwn = isMapping(settings[each.option as OptionName]);
        problems.push({ key: isOwn ? `${each.option}.${name}` : each.option, source, message: each.message });
      }
    }
  }
  return made;
}

/** The providers that are named; else replay where there are files, those that have symbols of their own, or the mock. */
function wantedNames({ provider, file, symbols }: Settings): ReadonlySet<string> {
  if (provider.length > 0) return new Set(provider);
  if (file.length > 0) return new Set(["replay"]);
  return new Set(isMapping(symbols) ? Object.keys(symbols).filter((name) => Object.hasOwn(registry, name)) : ["mock"]);
}

/** Looks for names in the mappings that are none, or two of the same provider. */
function checkMappings({ settings, sources }: Omit<Config, "target">, problems: ConfigProblem[]): void {
  for (const option of ["symbols", "timeframe"] as const) {
    const value = settings[option];
    const names = isMapping(value) ? Object.keys(value) : [];
    for (const [at, name] of names.entries()) {
      const twin = names.slice(0, at).find((other) => namesOf(other).includes(name));
      const message = !Object.hasOwn(registry, name)
        ? explainUnknown(name)
        : twin !== undefined && `"${twin}" is another name of it, wanted is one of them`;
      if (message) problems.push({ key: `${option}.${name}`, source: sources.get(option)!, message });
    }
  }
}

function explainUnknown(name: string): string {
  const known = Object.keys(registry);
  return `current value is ${JSON.stringify(name)}, wanted is one of ${known.join(", ")}: ` +
    `did you mean "${closestString(name, known)}"?`;
}
