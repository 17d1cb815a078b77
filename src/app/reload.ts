/**
 * Reloads the configuration during a run.
 *
 * @module
 */
import type { App } from "./app.ts";
import type { SourcesChange } from "./provider_changes.ts";
import type { Config } from "../config/load.ts";
import { FILE_OPTIONS } from "../config/file_options.ts";
import { type OptionName, optionSpecs } from "../config/options.ts";
import { TENANT_OPTIONS } from "../config/tenants.ts";
import type { LoadedRun, MakeTenant } from "./loaded.ts";

/** Result of a reload: names of providers, as `tenant/provider` if the file has tenants. */
export interface ReloadReport extends SourcesChange {
  /** Changed options that take effect at the next start. */
  readonly needRestart: readonly OptionName[];
  /** Changes of tenants, by name; absent if the file has none. Reopened tenants have new settings. */
  readonly tenants?: Readonly<Record<"added" | "removed" | "reopened" | "kept", readonly string[]>>;
}

/** Options that choose the providers and their settings. */
const OF_PROVIDERS: readonly OptionName[] = [
  ...[
    "provider",
    "symbols",
    "timeframe",
    "file",
    "refuseLimit",
    "timeUnit",
    ...FILE_OPTIONS,
    "speed",
    "follow",
    "resume",
    "provisional",
    "pollSeconds",
  ] as const,
  ...["failover", "failoverAfter", "failoverBack"] as const,
  ...["repairShare", "sweep", "repairRequests", "repairDays"] as const,
];

/** Options of {@linkcode createReload}. */
export interface ReloadOptions {
  app: App;
  make: MakeTenant;
  /** Distributes the symbols of a configuration, if this instance is one of several. */
  share?: (config: Config) => Promise<SourcesChange>;
  /** The configuration at the start of the run. */
  started: Config;
  /** Reads the configuration again; throws its problems. */
  load: () => LoadedRun;
  /** Called with the new configuration. */
  onReloaded?: (config: Config) => void;
}

/**
 * Creates the function that reads the configuration again, and replaces the tenants of the run and their providers. A
 * wrong configuration changes nothing, and the error has the reason.
 */
export function createReload(
  { app, make, share, started, load, onReloaded = () => {} }: ReloadOptions,
): () => Promise<ReloadReport> {
  return async () => {
    const { config, tenants } = load();
    const hasTenants = config.tenants.length > 0;
    if (hasTenants !== started.tenants.length > 0) {
      throw new RangeError(
        "Cannot reload a list of tenants where there was none, or the other way round: restart for that",
      );
    }
    const changed = (before: Config, now: Config) =>
      optionSpecs.map(({ name }) => name).filter((name) =>
        !OF_PROVIDERS.includes(name) && JSON.stringify(before.settings[name]) !== JSON.stringify(now.settings[name])
      );
    // A tenant of the file is reopened for its new settings; a run with one tenant has to start again.
    const needRestart = changed(started, config).filter((name) => !hasTenants || !TENANT_OPTIONS.includes(name));
    if (needRestart.includes("kind")) {
      throw new RangeError(
        `Cannot reload other kinds of records (${config.settings.kind.join(", ")}): restart for that`,
      );
    }
    if (share !== undefined) {
      const change = await share(config);
      onReloaded(config);
      return { ...change, needRestart };
    }
    const next = await Promise.all(tenants.map(make));
    const change = await app.replace(
      next,
      (before, now) =>
        hasTenants && (before.httpToken !== now.httpToken ||
          changed(before, now).some((name) => TENANT_OPTIONS.includes(name))),
    );
    onReloaded(config);
    const named = (part: keyof SourcesChange) =>
      // A run with one tenant reopens it for the needs of its providers, and reports only the providers.
      [...change.kept, ...hasTenants ? [] : change.reopened].flatMap(([tenant, of]) =>
        of[part].map((name) => hasTenants ? `${tenant}/${name}` : name)
      );
    return {
      added: named("added"),
      removed: named("removed"),
      replaced: named("replaced"),
      kept: named("kept"),
      needRestart,
      ...(hasTenants
        ? {
          tenants: {
            added: change.added,
            removed: change.removed,
            reopened: [...change.reopened.keys()],
            kept: [...change.kept.keys()],
          },
        }
        : {}),
    };
  };
}
