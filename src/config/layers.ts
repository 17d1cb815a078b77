/**
 * Sources of configuration values: each is a layer over the weaker ones.
 *
 * @module
 */
import { parse as parseDotenv } from "dotenv";
import { parse as parseYaml } from "yaml";
import { closestString } from "@std/text/closest-string";
import type { ConfigProblem } from "./problem.ts";
import { type OptionName, type OptionSpec, optionSpecs } from "./options.ts";
import { camelCase } from "./mapping.ts";
import { readTenants, type TenantEntry } from "./tenants.ts";

/** Unchecked values of one source; the strongest source comes first. */
export interface Layer {
  readonly read: (spec: OptionSpec) => { value: unknown; source: string } | undefined;
  /** A plain variable, if the layer has variables. */
  readonly variable?: (name: string) => string | undefined;
  /** Names of its variables, if they can be listed. */
  readonly names?: readonly string[];
  readonly name: string;
}

/** The value of the first layer that has one. */
export function first<T>(layers: readonly Layer[], read: (layer: Layer) => T | undefined): T | undefined {
  for (const layer of layers) {
    const found = read(layer);
    if (found !== undefined) return found;
  }
}

/** The command line. */
export function flagLayer(flags: ReadonlyMap<string, unknown>): Layer {
  return {
    name: "the command line",
    read({ name, flag }) {
      const value = flags.get(name);
      return value === undefined ? undefined : { value, source: `--${flag}` };
    },
  };
}

/** Variables, of the environment or a file. */
export function variableLayer(name: string, variable: (name: string) => string | undefined): Layer {
  return {
    name,
    variable,
    read({ variables }) {
      const set = variables.find((each) => variable(each));
      return set === undefined ? undefined : { value: variable(set), source: `${set} in ${name}` };
    },
  };
}

/**
 * Variables of a `.env` file. The one of the working directory may be missing; a named one must exist, as a run without
 * it would start into another database.
 */
export function dotenvLayer(path: string, isNamed: boolean, problems: ConfigProblem[]): Layer {
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (isNamed && error instanceof Deno.errors.NotFound) {
      const message = `current value is "${path}", expected a file that exists`;
      problems.push({ key: "BARLINE_ENV_FILE", source: "environment", message });
    } else if (!(error instanceof Deno.errors.NotFound)) {
      problems.push({ key: ".env", source: path, message: `it cannot be read: ${(error as Error).message}` });
    }
  }
  const variables = parseDotenv(text);
  return { ...variableLayer(path, (name) => variables[name]), names: Object.keys(variables) };
}

/** A tenant's entry: below the flags, above all shared sources. */
export function entryLayer({ values }: TenantEntry, source: string): Layer {
  return {
    name: source,
    read({ name }) {
      const value = values.get(name);
      return value === undefined ? undefined : { value, source };
    },
  };
}

/** The YAML file, and its tenants. */
export function fileLayer(
  path: string | undefined,
  problems: ConfigProblem[],
): { layer: Layer; tenants: readonly TenantEntry[] } {
  const values = path === undefined ? {} : readYaml(path, problems);
  const names = optionSpecs.map(({ name }) => name);
  const byName = new Map<string, unknown>();
  let tenants: readonly TenantEntry[] = [];
  for (const [key, value] of Object.entries(values)) {
    const name = camelCase(key);
    if (name === "tenants") tenants = readTenants(value, path!, problems);
    else if (names.includes(name as OptionName)) byName.set(name, value);
    else {
      const nearest = closestString(name, [...names, "tenants"]);
      problems.push({ key, source: path!, message: `no such option, did you mean "${nearest}"?` });
    }
  }
  const layer: Layer = {
    name: path ?? "",
    read({ name }) {
      const value = byName.get(name);
      return value === undefined ? undefined : { value, source: path! };
    },
  };
  return { layer, tenants };
}

/** Why a file of the configuration cannot be read. */
function describeUnreadable(error: Error): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory, expected a YAML file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission is denied, give the right to read it";
  return `it cannot be read: ${error.message}`;
}

function readYaml(path: string, problems: ConfigProblem[]): Record<string, unknown> {
  try {
    let text: string;
    try {
      text = Deno.readTextFileSync(path);
    } catch (error) {
      problems.push({ key: "config", source: path, message: describeUnreadable(error as Error) });
      return {};
    }
    // One option is called null.
    const values = parseYaml(text, { stringKeys: true }) ?? {};
    if (typeof values === "object" && !Array.isArray(values)) return values;
    problems.push({ key: "config", source: path, message: "the file holds no mapping, expected a YAML mapping" });
  } catch (error) {
    // Only the first line: the parser then shows the text around the place, where a password may stand.
    const message = (error as Error).message.split("\n", 1)[0].replace(/:$/, "");
    problems.push({ key: "config", source: path, message: `${message}, expected a YAML mapping` });
  }
  return {};
}
