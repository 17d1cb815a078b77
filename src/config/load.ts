/**
 * The one reader of flags, environment, `.env` and configuration file. All problems are found at once, before anything
 * is opened.
 *
 * @module
 */
import type { z } from "zod";
import { type DatabaseTarget, parseDatabaseUrl, redactUrl, warnOfPlainText } from "./database.ts";
import { findWrongKeys, readMapping } from "./mapping.ts";
import { isMapping } from "./per_provider.ts";
import { type OptionName, type OptionSpec, optionSpecs, type Settings, settingsSchema } from "./options.ts";
import { dotenvLayer, entryLayer, fileLayer, first, flagLayer, type Layer, variableLayer } from "./layers.ts";
import { completeTarget, readServer, variableOf } from "./server.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import type { TenantEntry } from "./tenants.ts";
import { findUnknownVariables } from "./unknown_variables.ts";

/** The configuration, with the source of each value. */
export interface Config {
  readonly settings: Settings;
  /** The server; `undefined` for the embedded database. */
  readonly target: DatabaseTarget | undefined;
  readonly sources: ReadonlyMap<OptionName, string>;
  /** Reads a variable of the environment, or of `.env`; for a tenant, the one assigned to it. */
  readonly variable: (name: string) => string | undefined;
  /** Token that only shows this tenant. */
  readonly httpToken?: string;
  /** The configuration of each of the file's tenants in the run; empty without tenants. */
  readonly tenants: readonly Config[];
  /** Warnings, as sentences. */
  readonly warnings: readonly string[];
}

/** A configuration whose values have been checked one by one. */
export type CheckedConfig = Omit<Config, "target">;

/** The inputs of {@linkcode loadConfig}. */
export interface ConfigInputs {
  /** Flags by option name; text, lists of text, or `true`. */
  flags: ReadonlyMap<string, unknown>;
  env: (name: string) => string | undefined;
  /** Names of the variables that are set; unknown ones cause a warning. @default {none} */
  variables?: readonly string[];
  /** Path of the YAML file. */
  file?: string;
  /** Path of the `.env` file; it need not exist. @default {`BARLINE_ENV_FILE`, or ".env"} */
  dotenv?: string;
  /**
   * A further check of the values: its problems are reported together with all others. A value that is wrong by itself
   * has its default here.
   */
  check?: (config: CheckedConfig) => readonly ConfigProblem[];
  /** Whether a single tenant must be chosen, whose configuration is returned. */
  oneTenant?: boolean;
}

/**
 * Reads the configuration. Flags are stronger than environment variables, these than `.env`, than the YAML file, than
 * the defaults.
 *
 * @throws {ConfigError} With all problems, if there are any.
 */
export function loadConfig(inputs: ConfigInputs): Config {
  const problems: ConfigProblem[] = [];
  const { flags, shared, file } = openLayers(inputs, problems);
  const process = readSettings([flags, ...shared], problems);
  const variable = variableOf(shared);
  const warnings: string[] = [];
  const target = resolveTarget({ ...process, variable }, problems, warnings);
  const named = file.tenants.flatMap(({ variables, httpToken = "" }) => [...Object.values(variables), httpToken]);
  warnings.push(
    ...findUnknownVariables(inputs.variables ?? [], "environment", named),
    ...shared.flatMap(({ names = [], name }) => findUnknownVariables(names, name, named)),
  );

  function configOf(entry: TenantEntry): Config {
    const name = `tenants.${entry.name}`;
    const found: ConfigProblem[] = [];
    const own = readSettings([flags, entryLayer(entry, file.layer.name), ...shared], found);
    for (const { key, source, message } of found) {
      // Problems of shared values are reported once.
      if (source !== file.layer.name || !entry.values.has(key.split(".")[0] as OptionName)) continue;
      problems.push({ key: `${name}.${key}`, source, message });
    }
    const token = entry.httpToken === undefined ? undefined : variable(entry.httpToken)?.trim();
    if (entry.httpToken !== undefined && !token) {
      const message = `the variable ${entry.httpToken} is not set, expected a long random text`;
      problems.push({ key: `${name}.httpToken`, source: file.layer.name, message });
    }
    const settings = { ...own.settings, tenant: entry.name };
    return {
      ...own,
      settings,
      target,
      // Never the shared variable if the tenant's own is not set: it may have another tenant's key.
      variable: (each) => variable(Object.hasOwn(entry.variables, each) ? entry.variables[each] : each),
      httpToken: token,
      tenants: [],
      warnings,
    };
  }

  const all = file.tenants.map(configOf);
  const { tenant } = process.settings;
  const isNamed = process.sources.get("tenant") !== "default";
  const chosen = isNamed ? all.filter(({ settings }) => settings.tenant === tenant) : all;
  if (all.length > 0 && (chosen.length === 0 || inputs.oneTenant && chosen.length > 1)) {
    const current = isNamed ? `current value is "${tenant}"` : "it is not given";
    const names = file.tenants.map(({ name }) => name).join(", ");
    const source = isNamed ? process.sources.get("tenant")! : "the command line";
    problems.push({ key: "tenant", source, message: `${current}, expected one of ${names}` });
  }
  const config = chosen.length === 1 && (isNamed || inputs.oneTenant)
    ? chosen[0]
    : { ...process, target, variable, tenants: chosen, warnings };
  problems.push(...inputs.check?.(config) ?? []);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The given value of an option, unchecked: problems are left to {@linkcode loadConfig}. */
export function peekOption(name: OptionName, inputs: ConfigInputs): unknown {
  const { flags, shared } = openLayers(inputs, []);
  const spec = optionSpecs.find((each) => each.name === name)!;
  return coerce(first([flags, ...shared], (layer) => layer.read(spec))?.value, spec);
}

/** The flags, and the weaker layers that tenants share; the last of these is the file. */
function openLayers(inputs: ConfigInputs, problems: ConfigProblem[]) {
  const file = fileLayer(inputs.file ?? inputs.env("BARLINE_CONFIG"), problems);
  const envFile = inputs.env("BARLINE_ENV_FILE") || undefined;
  const shared: readonly Layer[] = [
    variableLayer("environment", inputs.env),
    dotenvLayer(inputs.dotenv ?? envFile ?? ".env", inputs.dotenv === undefined && envFile !== undefined, problems),
    file.layer,
  ];
  return { flags: flagLayer(inputs.flags), shared, file };
}

/** The configuration of each tenant in the run. */
export function tenantsOf(config: Config): readonly Config[] {
  return config.tenants.length > 0 ? config.tenants : [config];
}

/** The values of all options, each from the strongest layer that has it. */
function readSettings(
  layers: readonly Layer[],
  problems: ConfigProblem[],
): { settings: Settings; sources: ReadonlyMap<OptionName, string> } {
  const values: Record<string, unknown> = {};
  const sources = new Map<OptionName, string>();
  for (const spec of optionSpecs) {
    const found = spec.name === "database"
      ? readServer(
        layers,
        spec,
        (source) => (key, message) => problems.push({ key, source, message }),
      )
      : first(layers, (layer) => layer.read(spec));
    sources.set(spec.name, found?.source ?? "default");
    const checked = settingsSchema.shape[spec.name].safeParse(coerce(found?.value, spec));
    values[spec.name] = checked.success ? checked.data : spec.default;
    for (const wrong of checked.success ? [] : findWrong(found!.value, spec)) {
      problems.push({ ...wrong, source: found!.source });
    }
  }
  return { settings: values as Settings, sources };
}

/** Begin of a certificate in a PEM file. */
const CERTIFICATE = /^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/m;

function resolveTarget(
  { settings, sources, variable }: Pick<Config, "settings" | "sources" | "variable">,
  problems: ConfigProblem[],
  warnings: string[],
): DatabaseTarget | undefined {
  if (settings.database === "embedded") return undefined;
  try {
    const found = parseDatabaseUrl(settings.database, settings, variable("POSTGRES_USER"));
    const target = completeTarget(found, variable, (message) => warnings.push(message));
    warnings.push(...[warnOfPlainText(target) ?? []].flat());
    if (target.sslrootcert !== undefined && !CERTIFICATE.test(Deno.readTextFileSync(target.sslrootcert))) {
      throw new Error(`${JSON.stringify(target.sslrootcert)} holds no certificate`);
    }
    return target;
  } catch (error) {
    const isUrl = error instanceof RangeError;
    problems.push({
      key: isUrl ? "database" : "sslrootcert",
      source: sources.get(isUrl ? "database" : "sslrootcert")!,
      message: `current value ${isUrl ? "" : "cannot be read: "}${(error as Error).message}; expected ${
        isUrl ? "embedded, or postgres://user@host:port/name" : "the path of a PEM file"
      }`,
    });
  }
}

/** Problems of a value, by key: the wrong entries of a mapping, or the whole value. */
function findWrong(value: unknown, spec: OptionSpec): { key: string; message: string }[] {
  const type = settingsSchema.shape[spec.name];
  if (spec.type === "mapping") {
    const schema = (type as unknown as z.ZodDefault).unwrap() as unknown as z.ZodObject;
    return findWrongKeys(spec.name, coerce(value, spec), schema, spec.expected);
  }
  const refuse = (key: string, wrong: unknown) => {
    const current = spec.secret ? "(not shown)" : JSON.stringify(wrong);
    return { key, message: `current value is ${current}, expected ${spec.expected}` };
  };
  const entries = isMapping(value) ? Object.entries(value) : [];
  const wrong = entries.filter(([, each]) => isMapping(each) || !type.safeParse(coerce(each, spec)).success);
  if (wrong.length === 0) return [refuse(spec.name, value)];
  return wrong.map(([name, each]) => refuse(`${spec.name}.${name}`, each));
}

/** Text of the command line and the environment in the type of the option; other text is left to the check. */
function coerce(value: unknown, spec: OptionSpec): unknown {
  const { type, whole } = spec;
  if (type === "mapping") return readMapping(value);
  if (isMapping(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, coerce(each, spec)]));
  }
  if (type === "list") {
    const items = Array.isArray(value) ? value : value === undefined ? undefined : [value];
    if (whole) return items;
    return items?.flatMap((item) => typeof item === "string" ? item.split(",").map((part) => part.trim()) : [item]);
  }
  if (typeof value !== "string") return value;
  if (type === "number" && /^-?\d+(\.\d+)?(e\d+)?$/i.test(value.trim())) return Number(value);
  if (type === "flag" && /^(1|true|yes|on)$/i.test(value)) return true;
  if (type === "flag" && /^(0|false|no|off)$/i.test(value)) return false;
  return value;
}

/** The part of a secret that may be shown. */
function redact(secret: NonNullable<OptionSpec["secret"]>, value: unknown): string {
  return secret === true ? redactUrl(String(value)) : secret(value);
}

/** The configuration for people: values with their sources, without secrets. */
export function describeConfig({ settings, sources }: Config): { name: OptionName; value: unknown; source: string }[] {
  return optionSpecs.map(({ name, secret }) => {
    const value = settings[name];
    return {
      name,
      value: secret && value !== undefined ? redact(secret, value) : value,
      source: sources.get(name)!,
    };
  });
}
