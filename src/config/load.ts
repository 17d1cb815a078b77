/**
 * The one reader of flags, environment, `.env` and configuration file. All problems are found at once, and nothing is
 * opened before there are none.
 *
 * @module
 */
import { parse as parseDotenv } from "dotenv";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { closestString } from "@std/text/closest-string";
import { type DatabaseTarget, parseDatabaseUrl, redactUrl, urlFromVariables } from "./database.ts";
import { camelCase, findWrongKeys, readMapping } from "./mapping.ts";
import { isMapping } from "./per_provider.ts";
import { type OptionName, type OptionSpec, optionSpecs, type Settings, settingsSchema } from "./options.ts";

/** Something wrong with the configuration. */
export interface ConfigProblem {
  readonly key: string;
  /** Where the value stands: a flag, a variable, a file. */
  readonly source: string;
  readonly message: string;
}

/** All that is wrong with the configuration. */
export class ConfigError extends Error {
  override name = "ConfigError";
  /** Makes the error of these problems. */
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(({ key, source, message }) => `Cannot use "${key}" from ${source}: ${message}`).join("\n"));
  }
}

/** The configuration, and where each value comes from. */
export interface Config {
  readonly settings: Settings;
  /** The server; `undefined` for the embedded database. */
  readonly target: DatabaseTarget | undefined;
  readonly sources: ReadonlyMap<OptionName, string>;
  /** Reads a variable of the environment, or of `.env`. */
  readonly variable: (name: string) => string | undefined;
}

/** Values of one source, not yet checked; the strongest source comes first. */
interface Layer {
  readonly read: (spec: OptionSpec) => { value: unknown; source: string } | undefined;
  /** A plain variable, where the layer has variables. */
  readonly variable?: (name: string) => string | undefined;
  readonly name: string;
}

/** What {@linkcode loadConfig} reads from. */
export interface ConfigInputs {
  /** Flags by option name; text, lists of text, or `true`. */
  flags: ReadonlyMap<string, unknown>;
  env: (name: string) => string | undefined;
  /** Path of the YAML file. */
  file?: string;
  /** Path of the `.env` file; it need not exist. @default {`BARLINE_ENV_FILE`, or ".env"} */
  dotenv?: string;
  /**
   * A further look at the values, which reports what it finds together with everything else. What is wrong by itself has
   * its default here.
   */
  check?: (config: Omit<Config, "target">, problems: ConfigProblem[]) => unknown;
}

/**
 * Reads the configuration. Flags are stronger than environment variables, these than `.env`, than the YAML file, than
 * the defaults.
 *
 * @throws {ConfigError} If anything is wrong, with all that is.
 */
export function loadConfig(inputs: ConfigInputs): Config {
  const problems: ConfigProblem[] = [];
  const layers = [
    flagLayer(inputs.flags),
    variableLayer("environment", inputs.env),
    dotenvLayer(inputs.dotenv ?? inputs.env("BARLINE_ENV_FILE") ?? ".env", problems),
    fileLayer(inputs.file ?? inputs.env("BARLINE_CONFIG"), problems),
  ];
  const values: Record<string, unknown> = {};
  const sources = new Map<OptionName, string>();
  for (const spec of optionSpecs) {
    const found = spec.name === "database"
      ? readDatabase(layers, spec, problems)
      : first(layers, (layer) => layer.read(spec));
    sources.set(spec.name, found?.source ?? "default");
    const checked = settingsSchema.shape[spec.name].safeParse(coerce(found?.value, spec));
    values[spec.name] = checked.success ? checked.data : spec.default;
    for (const wrong of checked.success ? [] : findWrong(found!.value, spec)) {
      problems.push({ ...wrong, source: found!.source });
    }
  }
  const target = resolveTarget(values as Settings, sources, problems);
  const checked = {
    settings: values as Settings,
    sources,
    variable: (name: string) => first(layers, (layer) => layer.variable?.(name) || undefined),
  };
  inputs.check?.(checked, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...checked, target };
}

/** Where a certificate begins in a PEM file. */
const CERTIFICATE = /^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/m;

function resolveTarget(
  settings: Settings,
  sources: ReadonlyMap<OptionName, string>,
  problems: ConfigProblem[],
): DatabaseTarget | undefined {
  if (settings.database === "embedded") return undefined;
  try {
    const target = parseDatabaseUrl(settings.database, settings);
    if (target.sslrootcert !== undefined && !CERTIFICATE.test(Deno.readTextFileSync(target.sslrootcert))) {
      throw new Error(`${JSON.stringify(target.sslrootcert)} holds no certificate`);
    }
    return target;
  } catch (error) {
    const isUrl = error instanceof RangeError;
    problems.push({
      key: isUrl ? "database" : "sslrootcert",
      source: sources.get(isUrl ? "database" : "sslrootcert")!,
      message: `current value ${isUrl ? "" : "cannot be read: "}${(error as Error).message}, wanted is ${
        isUrl ? "embedded, or postgres://user@host:port/name" : "the path of a PEM file"
      }`,
    });
  }
}

/** Within one source a URL is stronger than `POSTGRES_*`; between sources the stronger source decides. */
function readDatabase(layers: readonly Layer[], spec: OptionSpec, problems: ConfigProblem[]) {
  return first(layers, (layer) => {
    const plain = layer.read(spec);
    if (plain !== undefined || layer.variable === undefined) return plain;
    const refuse = (key: string, message: string) => problems.push({ key, source: layer.name, message });
    const value = urlFromVariables(layer.variable, refuse);
    return value === undefined ? undefined : { value, source: `POSTGRES_* in ${layer.name}` };
  });
}

/** What is wrong with a value, by key: the entries of a mapping that do not do, or else all of it. */
function findWrong(value: unknown, spec: OptionSpec): { key: string; message: string }[] {
  const type = settingsSchema.shape[spec.name];
  if (spec.type === "mapping") {
    const schema = (type as unknown as z.ZodDefault).unwrap() as unknown as z.ZodObject;
    return findWrongKeys(spec.name, coerce(value, spec), schema, spec.wanted);
  }
  const tell = (key: string, wrong: unknown) => {
    const current = spec.secret ? "(not shown)" : JSON.stringify(wrong);
    return { key, message: `current value is ${current}, wanted is ${spec.wanted}` };
  };
  const entries = isMapping(value) ? Object.entries(value) : [];
  const wrong = entries.filter(([, each]) => isMapping(each) || !type.safeParse(coerce(each, spec)).success);
  if (wrong.length === 0) return [tell(spec.name, value)];
  return wrong.map(([name, each]) => tell(`${spec.name}.${name}`, each));
}

function first<T>(layers: readonly Layer[], read: (layer: Layer) => T | undefined): T | undefined {
  for (const layer of layers) {
    const found = read(layer);
    if (found !== undefined) return found;
  }
}

function flagLayer(flags: ReadonlyMap<string, unknown>): Layer {
  return {
    name: "the command line",
    read({ name, flag }) {
      const value = flags.get(name);
      return value === undefined ? undefined : { value, source: `--${flag}` };
    },
  };
}

function variableLayer(name: string, variable: (name: string) => string | undefined): Layer {
  return {
    name,
    variable,
    read({ variables }) {
      const set = variables.find((each) => variable(each));
      return set === undefined ? undefined : { value: variable(set), source: `${set} in ${name}` };
    },
  };
}

function dotenvLayer(path: string, problems: ConfigProblem[]): Layer {
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      problems.push({ key: ".env", source: path, message: `it cannot be read: ${(error as Error).message}` });
    }
  }
  const variables = parseDotenv(text);
  return variableLayer(path, (name) => variables[name]);
}

function fileLayer(path: string | undefined, problems: ConfigProblem[]): Layer {
  const values = path === undefined ? {} : readYaml(path, problems);
  const names = optionSpecs.map(({ name }) => name);
  const byName = new Map<string, unknown>();
  for (const [key, value] of Object.entries(values)) {
    const name = camelCase(key);
    if (names.includes(name as OptionName)) byName.set(name, value);
    else {
      const nearest = closestString(name, names);
      problems.push({ key, source: path!, message: `no such option, did you mean "${nearest}"?` });
    }
  }
  return {
    name: path ?? "",
    read({ name }) {
      const value = byName.get(name);
      return value === undefined ? undefined : { value, source: path! };
    },
  };
}

function readYaml(path: string, problems: ConfigProblem[]): Record<string, unknown> {
  try {
    const values = parseYaml(Deno.readTextFileSync(path)) ?? {};
    if (typeof values === "object" && !Array.isArray(values)) return values;
    problems.push({ key: "config", source: path, message: "current value is no mapping, wanted is a YAML mapping" });
  } catch (error) {
    // Only the first line: the parser goes on to show the text around the place, where a password may stand.
    const message = (error as Error).message.split("\n", 1)[0].replace(/:$/, "");
    problems.push({ key: "config", source: path, message: `${message}, wanted is a YAML mapping` });
  }
  return {};
}

/** Text of the command line and the environment as the type that the option wants; what cannot be is left for the check. */
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

/** What may be shown of a secret. */
function redact(secret: NonNullable<OptionSpec["secret"]>, value: unknown): string {
  return secret === true ? redactUrl(String(value)) : secret(value);
}

/** The configuration for people: values and where they come from, secrets struck out. */
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
