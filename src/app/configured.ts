/**
 * Creates the providers that a checked configuration names.
 *
 * @module
 */
import type { CheckedConfig } from "../config/load.ts";
import { type ConfigProblem, type Result, resultOf } from "../config/problem.ts";
import type { OptionName, Settings } from "../config/options.ts";
import { nearestWord } from "../config/nearest.ts";
import { pickNats } from "../config/nats.ts";
import { isMapping, valueOf } from "../config/per_provider.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import {
  createFailover,
  declarationOf,
  hasHistory,
  namesOf,
  providers as registry,
  rowName,
} from "../providers/mod.ts";
import { type Provider, type ProviderSettings, SettingError } from "../providers/provider.ts";
import { recordKind } from "../records/mod.ts";
import { recordUnit } from "../records/time.ts";
import { DEFAULT_TIMEFRAME } from "../records/timeframe.ts";
import { readFileFormat } from "./file_format.ts";

/** Creates each provider for reading its history. */
export function makePastProviders(config: CheckedConfig): Result<readonly Provider[]> {
  const problems: ConfigProblem[] = [];
  return resultOf(createProviders(config, problems, true), problems);
}

function createProviders(config: CheckedConfig, problems: ConfigProblem[], isPast: boolean): Provider[] {
  checkMappings(config, problems);
  return makeAll(chosenNames(config.settings), config, problems, isPast);
}

/** Providers, and the problems of those that could not be created. */
export interface Inspected {
  readonly providers: readonly Provider[];
  readonly problems: readonly ConfigProblem[];
}

/** Creates all valid providers, with a failover group as one. */
export function inspectProviders(config: CheckedConfig): Inspected {
  const problems: ConfigProblem[] = [];
  const providers = config.settings.failover.length === 0
    ? createProviders(config, problems, false)
    : createFailoverAndOthers(config, problems);
  checkQuorum(providers, config, problems);
  return { providers, problems };
}

/** Creates the providers of a run, with a failover group as one. */
export function makeProviders(config: CheckedConfig): Result<readonly Provider[]> {
  const { providers, problems } = inspectProviders(config);
  return resultOf(providers, problems);
}

/** The providers of each tenant, by its name. */
export type TenantProviders = ReadonlyMap<string, readonly Provider[]>;

/** Creates the providers of each tenant. */
export function makeTenantProviders(config: CheckedConfig): Result<TenantProviders> {
  const { providers, problems } = inspectTenantProviders(config);
  return resultOf(providers, problems);
}

/** Creates all valid providers of each tenant. With several tenants, problems name the tenant. */
export function inspectTenantProviders(
  config: CheckedConfig,
): { readonly providers: TenantProviders; readonly problems: readonly ConfigProblem[] } {
  if (config.tenants.length === 0) {
    const { providers, problems } = inspectProviders(config);
    return { providers: new Map([[config.settings.tenant, providers]]), problems };
  }
  const problems: ConfigProblem[] = [];
  /** The tenant of each account's connection, and the variant of its bars. */
  const accounts = new Map<string, { tenant: string; variant: string }>();
  const made = new Map(config.tenants.map((tenant) => {
    const { tenant: name } = tenant.settings;
    const { providers, problems: own } = inspectProviders(tenant);
    const found = [...own];
    for (const { name: provider, connection } of providers.flatMap((each) => each.members ?? [each])) {
      if (connection === undefined || declarationOf(provider)?.account !== "single") continue;
      const { account, variant } = connection;
      const other = accounts.get(account) ?? { tenant: name, variant };
      accounts.set(account, other);
      if (other.variant === variant) continue;
      const message =
        `${provider} takes one connection of an account, which that of tenant ${other.tenant} is too and ` +
        `gives ${other.variant}: expected the same and not ${variant}, or another account`;
      found.push({ key: "timeframe", source: tenant.sources.get("timeframe")!, message });
    }
    problems.push(...found.map(({ key, ...rest }) => ({ key: `tenants.${name}.${key}`, ...rest })));
    return [name, providers];
  }));
  return { providers: made, problems };
}

/** Checks that the two providers to compare are part of the run. */
function checkQuorum(made: readonly Provider[], { settings, sources }: CheckedConfig, problems: ConfigProblem[]): void {
  const compared = new Set(settings.quorum.map(rowName));
  if (compared.size === 0 || problems.length > 0) return;
  const running = made.flatMap((provider) => provider.members ?? [provider]).map(({ name }) => name);
  const current = `current value is ${JSON.stringify(settings.quorum)}`;
  const source = sources.get("quorum")!;
  if (compared.size !== 2) problems.push({ key: "quorum", source, message: `${current}, expected two providers` });
  else if (![...compared].every((name) => running.includes(name))) {
    const message = `${current}, expected two of those that run: ${running.join(", ")}`;
    problems.push({ key: "quorum", source, message });
  }
}

/** The symbols of each provider that runs alone, and of each of the failover group, in order. */
export function sourcesOf(settings: Settings): {
  readonly alone: ReadonlyMap<string, readonly string[]>;
  readonly group: ReadonlyMap<string, readonly string[]>;
} {
  const group = groupOf(settings);
  const shared = group.map((name) => symbolsOf(name, settings)).find((symbols) => symbols !== undefined);
  return {
    alone: new Map(aloneOf(settings, group).map((name) => [name, symbolsOf(name, settings) ?? []])),
    // A member without its own symbols has those of the first member with some.
    group: new Map(group.map((name) => [name, symbolsOf(name, settings) ?? shared ?? []])),
  };
}

const groupOf = ({ failover }: Settings) => [...new Set(failover.map(rowName))];

/** Names of the providers that run beside the group. */
function aloneOf(settings: Settings, group: readonly string[]): string[] {
  const isNamed = settings.provider.length > 0 || settings.file.length > 0 || isMapping(settings.symbols);
  if (group.length > 0 && !isNamed) return [];
  return [...chosenNames(settings)].filter((name) => !group.includes(rowName(name)));
}

function createFailoverAndOthers(config: CheckedConfig, problems: ConfigProblem[]): Provider[] {
  const { settings, sources } = config;
  const group = groupOf(settings);
  checkMappings(config, problems);
  const refuse = (message: string) => problems.push({ key: "failover", source: sources.get("failover")!, message });
  if (group.length === 1) refuse(`current value is ${JSON.stringify(settings.failover)}, expected two or more`);
  const made = makeAll(aloneOf(settings, group), config, problems);

  const symbols = sourcesOf(settings).group;
  const members: Provider[] = [];
  for (const name of group) {
    if (!hasHistory(name)) {
      refuse(
        Object.hasOwn(registry, name) ? `"${name}" is no live feed, expected live feeds alone` : explainUnknown(name),
      );
      continue;
    }
    const provider = make(name, symbols.get(name)!, config, problems);
    if (provider === undefined) continue;
    members.push(provider);
    const [count, expected] = [provider, members[0]].map(({ symbols }) => symbols?.length);
    if (count !== expected) {
      refuse(
        `${name} has other symbols (${count}), expected as many as ${
          members[0].name
        } has (${expected}), in the same order`,
      );
    }
  }
  const timeframes = new Set(group.map((name) => timeframeOf(name, settings)));
  if (timeframes.size > 1) {
    refuse(`the members have the timeframes ${[...timeframes].join(", ")}, expected one for all`);
  }
  if (members.length < group.length || problems.length > 0) return made;
  const times = { afterMs: settings.failoverAfter * 1000, backMs: settings.failoverBack * 1000 };
  const timeframe = timeframeOf(group[0], settings);
  const failover = createFailover({ members, dataDir: tenantDirectory(settings), timeframe, ...times });
  const fingerprint = JSON.stringify([members.map((member) => member.fingerprint), times]);
  return [...made, { ...failover, fingerprint }];
}

function makeAll(
  names: Iterable<string>,
  config: CheckedConfig,
  problems: ConfigProblem[],
  isPast = false,
): Provider[] {
  const made: Provider[] = [];
  for (const name of names) {
    if (!Object.hasOwn(registry, name)) {
      problems.push({ key: "provider", source: config.sources.get("provider")!, message: explainUnknown(name) });
      continue;
    }
    const provider = make(name, symbolsOf(name, config.settings) ?? [], config, problems, isPast);
    // A provider may have several names.
    if (provider !== undefined && !made.some((other) => other.name === provider.name)) made.push(provider);
  }
  return made;
}

function make(
  name: string,
  symbols: readonly string[],
  { settings, sources, variable }: CheckedConfig,
  problems: ConfigProblem[],
  isPast = false,
): Provider | undefined {
  const kinds = settings.kind.map(recordKind);
  const timeframe = timeframeOf(name, settings);
  /** Other variables and settings that the provider has read. */
  const asked: Record<string, string | undefined> = {};
  const note = (variableName: string) => asked[variableName] = variable(variableName);
  const nats = () => {
    const picked = pickNats(settings);
    asked.nats = JSON.stringify(picked);
    return picked;
  };
  const dataDir = tenantDirectory(settings);
  const isDefault = sources.get("symbols") === "default";
  const onlySymbols = isDefault || symbols.length === 0 ? undefined : symbols;
  const format = name === "replay" ? readFileFormat(timeframe, { settings, sources }) : undefined;
  if (format?.ok === false) problems.push(...format.problems);
  const given: ProviderSettings = {
    ...settings,
    timeUnit: recordUnit(settings.timeUnit),
    format: format?.ok ? format.value : undefined,
    onlySymbols,
    dataDir,
    symbols,
    timeframe,
    isPast,
    nats,
    variable: note,
    kinds,
  };
  try {
    const provider = registry[name].create(given);
    const { file, fileProvider, follow, limit, pollSeconds, provisional, resume, refuseLimit, speed, timeUnit } =
      settings;
    const { repairDays, repairRequests, repairShare, sweep } = settings;
    const repairs = { repairDays, repairRequests, repairShare, sweep };
    const own = {
      dataDir,
      file,
      follow,
      limit,
      pollSeconds,
      provisional,
      resume,
      refuseLimit,
      speed,
      timeUnit,
      fileProvider,
      format,
      ...repairs,
    };
    return {
      ...provider,
      fingerprint: JSON.stringify({ ...own, onlySymbols, symbols, timeframe, kind: settings.kind, asked }),
    };
  } catch (error) {
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
    if (isDefault && errors.some((each) => each instanceof SettingError && each.option === "symbols")) {
      // The user did not type the wrong symbols.
      return void problems.push({ key: "symbols", source: "the command line", message: explainDefault(name) });
    }
    for (const each of errors) {
      if (!(each instanceof SettingError)) throw error;
      // A key that is not an option is a variable.
      const source = sources.get(each.option as OptionName) ?? "environment";
      const isOwn = isMapping(settings[each.option as OptionName]);
      problems.push({ key: isOwn ? `${each.option}.${name}` : each.option, source, message: each.message });
    }
  }
}

function symbolsOf(name: string, { symbols }: Settings): readonly string[] | undefined {
  return valueOf<readonly string[]>(symbols, namesOf(name));
}

function timeframeOf(name: string, { timeframe }: Settings): string {
  return valueOf<string>(timeframe, namesOf(name)) ?? DEFAULT_TIMEFRAME;
}

/** The named providers; otherwise replay for files, providers with their own symbols, or the mock. */
function chosenNames({ provider, file, symbols }: Settings): ReadonlySet<string> {
  if (provider.length > 0) return new Set(provider);
  if (file.length > 0) return new Set(["replay"]);
  return new Set(isMapping(symbols) ? Object.keys(symbols).filter((name) => Object.hasOwn(registry, name)) : ["mock"]);
}

/** Finds unknown names in the mappings, and two names of the same provider. */
function checkMappings({ settings, sources }: CheckedConfig, problems: ConfigProblem[]): void {
  for (const option of ["symbols", "timeframe"] as const) {
    const value = settings[option];
    const names = isMapping(value) ? Object.keys(value) : [];
    for (const [at, name] of names.entries()) {
      const twin = names.slice(0, at).find((other) => namesOf(other).includes(name));
      const message = !Object.hasOwn(registry, name)
        ? explainUnknown(name)
        : twin !== undefined && `"${twin}" is another name of it, expected one of them`;
      if (message) problems.push({ key: `${option}.${name}`, source: sources.get(option)!, message });
    }
  }
}

function explainDefault(name: string): string {
  const { exampleSymbols = "A,B" } = registry[name];
  return `${name} needs symbols of its own, and none are given: give some, as in --symbols ${exampleSymbols}`;
}

function explainUnknown(name: string): string {
  const known = Object.keys(registry);
  const nearest = nearestWord(name, known);
  return `current value is ${JSON.stringify(name)}, expected one of ${known.join(", ")}` +
    (nearest === undefined ? "" : `: did you mean "${nearest}"?`);
}
