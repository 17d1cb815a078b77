/**
 * Makes the providers that the configuration names.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";
import type { Config, ConfigProblem } from "../config/load.ts";
import type { OptionName } from "../config/options.ts";
import { providers as registry } from "../providers/mod.ts";
import { type Provider, type ProviderSettings, SettingError } from "../providers/provider.ts";
import { recordKind } from "../records/mod.ts";

/** Makes each provider that is named, or replay where there are files, or the mock; adds what hinders to `problems`. */
export function createProviders(
  { settings, sources, variable }: Omit<Config, "target">,
  problems: ConfigProblem[],
): Provider[] {
  const names = settings.provider.length > 0 ? settings.provider : [settings.file.length > 0 ? "replay" : "mock"];
  const wanted: ProviderSettings = { ...settings, variable, kind: recordKind("bar") };
  const made: Provider[] = [];
  for (const name of new Set(names)) {
    if (!Object.hasOwn(registry, name)) {
      const known = Object.keys(registry);
      const message = `current value is ${JSON.stringify(name)}, wanted is one of ${known.join(", ")}: ` +
        `did you mean "${closestString(name, known)}"?`;
      problems.push({ key: "provider", source: sources.get("provider")!, message });
      continue;
    }
    try {
      const provider = registry[name](wanted);
      // A provider may go by several names.
      if (!made.some((other) => other.name === provider.name)) made.push(provider);
    } catch (error) {
      for (const each of error instanceof AggregateError ? error.errors : [error]) {
        if (!(each instanceof SettingError)) throw error;
        // What is no option is a variable.
        const source = sources.get(each.option as OptionName) ?? "environment";
        problems.push({ key: each.option, source, message: each.message });
      }
    }
  }
  return made;
}
