/**
 * Reading the configuration again while a run goes on.
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

/** What a reload has come to. Names of providers; where there are tenants `tenant/provider`. */
export interface ReloadReport extends SourcesChange {
  /** Options that have changed and are heeded only at the next start. */
  readonly needRestart: readonly OptionName[];
  /** What became of tenants, by name; absent where there are none. Those that are reopened have new settings. */
  readonly tenants?: Readonly<Record<"added" | "removed" | "reopened" | "kept", readonly string[]>>;
}

/** Options that say which providers there are, and how they are. */
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
    "resume",
    "provisional",
    "pollSeconds",
  ] as const,
  ...["failover", "failoverAfter", "failoverBack"] as const,
  ...["repairShare", "sweep", "repairRequests", "repairDays"] as const,
];

/** What {@linkcode createReload} needs. */
export interface ReloadOptions {
  app: App;
  make: MakeTenant;
  /** Makes what a configuration names that which is shared out, where this instance is one of several. */
  share?: (config: Config) => Promise<SourcesChange>;
  /** The configuration that the run began with. */
  started: Config;
  /** Reads the configuration anew; throws what is wrong with it. */
  load: () => LoadedRun;
  /** Called with the configuration that is heeded from now on. */
  onReloaded?: (config: Config) => void;
}

/**
 * Makes what reloads: reads the configuration anew and makes its tenants, and their providers, those of the run. Where it
 * is not right nothing changes, and the error says why.
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
    // What the file says of a tenant is heeded by opening it anew; a run that is all one tenant would have to start again.
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
      // A run that is all one tenant opens it anew where providers need that, and tells of these alone.
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
